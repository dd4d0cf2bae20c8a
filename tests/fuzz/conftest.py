"""Registers the profile of the models, which the fuzzing takes its settings from, and puts the log back."""

from tests.models.conftest import log_as_at_first

__all__ = ["log_as_at_first"]
