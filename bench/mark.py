"""The mark that a measured event carries: its number, in a field of the value beside the envelope's own.

Cheaper than the stamp of a fault run (`bench/stamp.py`), which also tells if a record is whole.
"""

_FIELD = b',"bench":"'


def opened(value: bytes) -> bytes:
    """A value, a JSON object, made ready for `marked`: what is the same for all numbers is done once."""
    return value[:-1] + _FIELD


def marked(begun: bytes, number: int) -> bytes:
    """The value with this number."""
    return b'%b%d"}' % (begun, number)


def number_of(value: bytes | None) -> int | None:
    """The number of a value; None if it carries none."""
    _, field, digits = (value or b"")[-40:].rpartition(_FIELD)
    return int(digits[:-2]) if field and digits[:-2].isdigit() else None
