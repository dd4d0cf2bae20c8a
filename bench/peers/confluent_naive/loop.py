"""What stands in every tutorial: poll one message, json.loads, produce, flush, and a commit now and then.

A flush waits for a round trip, so every event costs one, and each goes to the broker in a request of its own. Nothing
is tuned: the client's defaults are part of what it stands for. Key, headers and timestamp are kept, as the comparison
demands it, and a failed delivery ends the program, which is the least that "at least once" needs.
"""

import json
import signal
import sys
from types import FrameType

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

COMMIT_EVERY = 100
POLL_S = 0.2

stopping = False


def stop(_: int, __: FrameType | None) -> None:
    """Note the signal; the loop looks after each message."""
    global stopping  # noqa: PLW0603 - as such programs do it
    stopping = True


def delivered(error: KafkaError | None, _: Message) -> None:
    """Raised out of `flush`."""
    if error is not None:
        raise KafkaException(error)


def route(consumer: Consumer, producer: Producer) -> None:
    """One after the other, until the signal."""
    uncommitted = 0
    while not stopping:
        message = consumer.poll(POLL_S)
        if message is not None:
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            namespace = json.loads(message.value() or b"")["event"]["metadata"]["namespace"]
            producer.produce(
                namespace,
                value=message.value(),
                key=message.key(),
                headers=message.headers(),
                timestamp=message.timestamp()[1],
                on_delivery=delivered,
            )
            producer.flush()
            uncommitted += 1
        if uncommitted >= COMMIT_EVERY or (message is None and uncommitted):
            consumer.commit(asynchronous=False)
            uncommitted = 0
    if uncommitted:
        consumer.commit(asynchronous=False)


def main(bootstrap: str, topic: str, group: str) -> None:
    """Run until SIGTERM."""
    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    try:
        route(consumer, Producer({"bootstrap.servers": bootstrap}))
    finally:
        consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
