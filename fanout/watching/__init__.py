"""`events-fanout status`: what a replica says of itself, in a terminal.

- `ask`: the question over HTTP
- `page`: the answer as tables
- `report`: the same, printed once or again and again
"""
