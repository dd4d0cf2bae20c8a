"""The capacity plan, by `python -m bench plan`: from the user's numbers and what was measured to a size. Pure.

- `demand`: the user's numbers; `stories`: five sets of them
- `measured`: a figure with its spread and source; `curves`: how it grows; `costs`: what events-fanout costs
- `sources`: points from the result files of measurements
- `view`: these costs for one demand, as they are on the whole, at their best and at their worst
- `size`: partitions, replicas and workers; `pods`: CPU, memory, KEDA; `cluster`: the brokers' load; `times`: how soon;
  `limits`: what gives way, and when; `problems`: what cannot be done; `advice`: what to set
- `figures`: the plan and its figures; `plan`: all of it; `words`, `show`: the plan for people
- `predict`: what a drain on this machine should come to; `check`: `--check`, which holds a drain against it
- `units`: how numbers are written and read
"""
