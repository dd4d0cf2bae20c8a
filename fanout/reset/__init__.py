"""`events-fanout reset`: where the group reads on. Commits with --yes only, and only while the group is empty.

- `target`: what is to be reached: the earliest record, the end, a time
- `plan`: from where to where each partition goes; pure
- `report`: the same, printed, and done
"""
