"""What is looked for, and how far."""

from typing import NamedTuple


class Question(NamedTuple):
    """Events of a namespace, of one object if it has a name."""

    namespace: str
    name: str | None
    since_s: float  # how far to look back
    most: int = 500_000  # records that are read of each topic, the newest
    within_s: float = 60.0  # for which each topic is read
