"""Names of what a worker counts, sent as deltas in `link.Delivered`."""

from enum import StrEnum


class Counter(StrEnum):
    """What a worker counts, in records unless the name says bytes."""

    RECORDS_IN = "records_in"
    BYTES_IN = "bytes_in"
    DELIVERED = "delivered"
    DEAD_LETTERS = "dead_letters"
    SKIPPED = "skipped"
    RESYNCS_DROPPED = "resyncs_dropped"
    EXPIRED = "expired"
    REDELIVERED = "redelivered"
    TOPICS_CREATED = "topics_created"
