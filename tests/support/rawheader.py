"""A record whose header's name is not UTF-8, which the Python client cannot write: librdkafka's C functions can.

Its own header may be forged by anyone who may write to the source, and the Python client cannot read it either.
"""

import ctypes
from typing import NamedTuple

import confluent_kafka.cimpl

PRODUCER = 0
END, TOPIC, PARTITION, VALUE, KEY, MSGFLAGS, HEADER = 0, 1, 3, 4, 5, 7, 9  # rd_kafka_vtype_t
COPY = 2
FLUSH_MS = 10_000


class Raw(NamedTuple):
    """A record to write, with one header."""

    partition: int
    key: bytes
    value: bytes
    header: tuple[bytes, bytes]


def produce_with_raw_header(bootstrap: str, topic: str, record: Raw) -> None:
    """Write one record and wait for its acknowledgement. Raises RuntimeError."""
    library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    library.rd_kafka_conf_new.restype = pointer
    library.rd_kafka_conf_set.argtypes = [pointer, text, text, text, size]
    library.rd_kafka_new.restype = pointer
    library.rd_kafka_new.argtypes = [ctypes.c_int, pointer, text, size]
    library.rd_kafka_flush.argtypes = [pointer, ctypes.c_int]
    library.rd_kafka_destroy.argtypes = [pointer]
    library.rd_kafka_destroy.restype = None
    problem = ctypes.create_string_buffer(512)
    configuration = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(configuration, b"bootstrap.servers", bootstrap.encode(), problem, len(problem))
    producer = library.rd_kafka_new(PRODUCER, configuration, problem, len(problem))
    if not producer:
        raise RuntimeError(problem.value.decode())
    try:
        name, content = record.header
        failed = library.rd_kafka_producev(
            pointer(producer),
            TOPIC, text(topic.encode()),
            PARTITION, ctypes.c_int32(record.partition),
            MSGFLAGS, ctypes.c_int(COPY),
            KEY, text(record.key), size(len(record.key)),
            VALUE, text(record.value), size(len(record.value)),
            HEADER, text(name), text(content), ctypes.c_ssize_t(len(content)),
            END,
        )  # fmt: skip
        if failed or library.rd_kafka_flush(producer, FLUSH_MS):
            raise RuntimeError(f"the record with a raw header was not written: {failed}")
    finally:
        library.rd_kafka_destroy(producer)
