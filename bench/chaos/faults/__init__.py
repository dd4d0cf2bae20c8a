"""The faults, by what they are done to. Each is a function that does one and returns when it is over.

- `base`: what a fault tells of itself
- `workers`, `replicas`, `brokers`, `network`, `data`, `client`: the kinds
"""

from bench.chaos.faults.base import Done, Fault
from bench.chaos.faults.brokers import BROKERS
from bench.chaos.faults.client import CLIENT
from bench.chaos.faults.data import DATA
from bench.chaos.faults.network import NETWORK
from bench.chaos.faults.replicas import REPLICAS
from bench.chaos.faults.workers import WORKERS

FAULTS: dict[str, Fault] = WORKERS | REPLICAS | BROKERS | NETWORK | DATA | CLIENT

__all__ = ["FAULTS", "Done", "Fault"]
