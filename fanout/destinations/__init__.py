"""`events-fanout topics`: the destinations that are there, whose they are, and those that nobody needs any more.

- `listing`: what is told of each, as plain data, and how it is found
- `live`: the list of namespaces that there are
- `prune`: which destinations may go; pure
- `report`: the same, printed, and the deletion
"""
