"""Fault runs, by `python -m bench chaos`: the real program under a load, a seeded schedule of faults, and a verdict.

- `plan`: from a seed, what a run is: its cluster, its replicas, its load, its faults and when
- `traffic`: the load, stamped, with its ledger; `tap` and `watch`: what arrives, and what is committed
- `ground`: the cluster that it stands on, real or mock
- `stage`: puts these together for one run
- `faults`: what is done to it
- `run`: from a plan to its result; `recovery`: what is read off afterwards
- `evidence`: what a run that failed leaves behind
- `series`: many runs, in several processes
- `report`: the tables
"""
