"""Registers the profile of the models, and puts back what a test has configured."""

from collections.abc import Iterator

import pytest
import structlog

from tests.models import profile

assert profile.NAME


@pytest.fixture(autouse=True)
def log_as_at_first() -> Iterator[None]:
    """The models make warnings on purpose: nobody wants to read them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.reset_defaults()
