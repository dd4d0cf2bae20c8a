"""`events-fanout replay`: dead letters through routing again, each with its mark in one transaction.

- `record`: the record that a letter stands for
- `fates`: what becomes of each letter, counted
- `gate`: whether a destination is there and takes a record, by what a worker asks
- `outbox`: the transactions
- `replay`: the passes over the dead-letter topic
- `report`: the answer, printed, with a progress bar
"""
