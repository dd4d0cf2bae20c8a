"""`events-fanout dead-letters`: what could not be delivered, why, and what of it was replayed. Writes nothing.

- `letters`: what a record of the dead-letter topic says; shared with `trace` and `replay`
- `question`: which dead letters are meant
- `survey`: the looking, and what is found, as plain data
- `report`: the same, printed
"""
