"""What the tests of this folder look at processes with."""

from tests.support.watching import MEGABYTE, Cost, Watch, cost

__all__ = ["MEGABYTE", "Cost", "Watch", "cost"]
