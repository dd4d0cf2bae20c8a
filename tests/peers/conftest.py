"""What the tests of this folder share."""

from tests.support.prefix import prefix

__all__ = ["prefix"]
