"""`events-fanout trace`: where the events of a namespace are, and why.

- `question`: what is looked for
- `event`: what a record says of itself
- `routing`: what a run would do with it, by the worker's own router
- `evidence`: what was found, as plain data
- `search`: the looking: source, destination, dead letters
- `findings`: what is told of each place; pure
- `verdict`: what the evidence comes to; pure
- `report`: the same, printed
"""
