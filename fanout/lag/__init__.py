"""`events-fanout lag`: how far the group is behind, asked of the cluster and of no replica.

- `state`: what is told, as plain data, and how it is found
- `report`: the same, printed, and the exit code
"""
