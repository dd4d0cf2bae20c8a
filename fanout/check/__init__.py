"""What would stop a run, found out by asking the cluster (`fanout.cluster`) and writing nothing.

- `row`: one finding
- `connection`, `source`, `group`, `destinations`, `deadletters`, `backlog`: the checks
- `report`: all of them, printed
"""
