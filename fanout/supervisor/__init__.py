"""The supervisor: the member of the group, the workers' parent, the one who commits. Imports nothing of the worker."""
