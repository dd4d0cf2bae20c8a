"""A cluster as the commands see it: asked and read, and written to only where a command says so.

- `answers`: what it says, in our own words
- `causes`: what the client says while it cannot connect
- `asking`: how one answer is awaited, and what its errors mean
- `cluster`: the questions about the cluster, its group and its topics
- `offsets`: the questions about offsets of many partitions at once
- `position`: where the group stands in a partition
- `reading`: records of given ranges, within bounds
"""
