"""What all tests of this folder share."""

from tests.broker.conftest import prefix

__all__ = ["prefix"]
