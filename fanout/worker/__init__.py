"""A worker: reads its partition, routes, delivers, reports what may be committed. Imports nothing of the supervisor."""
