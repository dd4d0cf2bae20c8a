"""What would stop a run, found out by asking the cluster and writing nothing.

- `row`: one finding
- `answers`: what the cluster says
- `causes`: what the client says while it cannot connect
- `cluster`: the questions, the only file here that knows the client library
- `connection`, `source`, `group`, `destinations`, `deadletters`, `backlog`: the checks
- `report`: all of them, printed
"""
