"""Asks the client library itself whether it takes the properties. Nothing is connected to: no broker is named.

Imported only when a property is given, since the library costs 40 ms.
"""

import logging
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, Producer

from fanout.config.properties import is_secret

_CREATION = "Failed to create"
_IGNORED = "will be ignored by this"


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def faults(properties: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield (side, property, what the library says of it); the property is "" where it is about several together.

    `properties` are those of each side: `kafka`, `kafka_consumer`, `kafka_producer`. Each is tried alone first,
    so that all faults are told at once. Does not block.
    """
    alone = [
        (side, name, fault)
        for side, given in properties.items()
        for name, value in given.items()
        if (fault := _fault_alone(side, name, value))
    ]
    yield from alone
    if alone:
        return
    told = set()
    for side in ("kafka_producer", "kafka_consumer"):
        together = {**properties["kafka"], **properties[side]}
        for fault in _faults_together(side, together):
            if fault not in told:
                told.add(fault)
                yield side, "", fault


def _fault_alone(side: str, name: str, value: str) -> str | None:
    for line in _try(side, {name: value}):
        if line.startswith(_CREATION):
            continue  # it lacks another property, which may be there when all are tried together
        if _IGNORED not in line:
            return "the client refuses its value" if is_secret(name) else line
        if side != "kafka":
            return "it is a property of the other side, and would be ignored"
    return None


def _faults_together(side: str, properties: Mapping[str, str]) -> Iterator[str]:
    secrets = [value for name, value in properties.items() if is_secret(name)]
    for line in _try(side, properties):
        if _IGNORED in line:
            continue
        text = line.removeprefix("Failed to create producer: ").removeprefix("Failed to create consumer: ")
        if any(secret in text for secret in secrets):
            text = "the client refuses them, in words that would show a secret"
        yield text


def _try(side: str, properties: Mapping[str, str]) -> list[str]:
    """What the library says of a client with these properties: nothing, an error, or warnings."""
    lines = _Lines()
    logger = logging.getLogger("fanout.config.trial")
    logger.propagate = False
    logger.handlers = [lines]
    try:
        if side == "kafka_consumer":
            consumer = Consumer({"group.id": "trial", **properties}, logger=logger)
            consumer.poll(0)
            consumer.close()
        else:
            Producer(dict(properties), logger=logger).poll(0)
    except KafkaException as error:
        return [str(error.args[0].str()).strip()]
    except (TypeError, AttributeError, ValueError) as error:  # names that the Python side of the client reserves
        return [str(error)]
    return [line for line in lines.lines if _IGNORED in line]
