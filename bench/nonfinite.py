"""Floats that may be NaN or infinite where they are written: JSON has neither, and msgspec writes null for both."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    NonFinite = float
else:
    NonFinite = float | None  # as it is read; `restored` makes a float of it again


def restored(struct: msgspec.Struct, value: float, *fields: str) -> None:
    """Put `value` into those of these fields that were read as null: for `__post_init__`."""
    for field in fields:
        if getattr(struct, field) is None:
            msgspec.structs.force_setattr(struct, field, value)
