"""What every unit test gets."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def log_as_at_first() -> Iterator[None]:
    """Undo what a test has configured: its log would write to a stream that is closed by then."""
    yield
    structlog.reset_defaults()
