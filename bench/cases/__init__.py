"""Cases that differ in one thing, drained turn by turn on one broker: what `throughput`, `sweep` and `scale` stand on.

- `case`: what is measured, and which backlogs that takes
- `measured`: what came of it, as figures; pure
- `round_trip`: how long a request and its answer take where a proxy is between
- `engine`: the measurement
"""

from bench.cases.case import Case, Plan
from bench.cases.engine import BROKEN_OFF, Tell, measure
from bench.cases.measured import Measured

__all__ = ["BROKEN_OFF", "Case", "Measured", "Plan", "Tell", "measure"]
