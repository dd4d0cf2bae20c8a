"""The same job on aiokafka, as its documentation advises for throughput: whole batches in, whole batches out.

One process, one loop on uvloop: `getmany`, find each namespace with msgspec, put the records of a destination into
batches of their own (`create_batch`, `send_batch`), wait for every acknowledgement, commit. At least once.

It runs in an environment of its own, in which nothing of this checkout can be imported. The destinations have one
partition: with batches of one's own, the partition is one's own choice, too.
"""

import asyncio
import signal
import sys
from collections.abc import Iterable
from itertools import chain

import msgspec
import uvloop
from aiokafka import (  # type: ignore[import-not-found] # installed in the peer's own environment
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRecord,
)
from aiokafka.producer.message_accumulator import BatchBuilder  # type: ignore[import-not-found]

ROUND_RECORDS = 10_000
WAIT_MS = 200  # for records; so long a signal may wait
BATCH_BYTES = 1_000_000
FETCH_BYTES = 8 * 1024 * 1024


class Metadata(msgspec.Struct, gc=False):
    namespace: str


class Event(msgspec.Struct, gc=False):
    metadata: Metadata


class Envelope(msgspec.Struct, gc=False):
    """What Eventrouter writes, as far as it is looked at."""

    event: Event


decoder = msgspec.json.Decoder(Envelope)


def fits(batch: BatchBuilder, record: ConsumerRecord) -> bool:
    """Append the record as it is, unless the batch is full."""
    headers = list(record.headers)
    appended = batch.append(key=record.key, value=record.value, timestamp=record.timestamp, headers=headers)
    return appended is not None


async def deliver(producer: AIOKafkaProducer, records: Iterable[ConsumerRecord]) -> None:
    """Send them, and wait until each is acknowledged. Raises what the first failure was."""
    batches: dict[str, BatchBuilder] = {}
    sent = []
    for record in records:
        topic = decoder.decode(record.value).event.metadata.namespace
        batch = batches.get(topic)
        if batch is None:
            batch = batches[topic] = producer.create_batch()
        if not fits(batch, record):
            sent.append(await producer.send_batch(batch, topic, partition=0))
            batch = batches[topic] = producer.create_batch()
            fits(batch, record)  # the first always does
    for topic, batch in batches.items():
        sent.append(await producer.send_batch(batch, topic, partition=0))
    await asyncio.gather(*sent)


async def route(bootstrap: str, topic: str, group: str) -> None:
    """Deliver until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
        check_crcs=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
    )
    async with producer, consumer:
        while not stopping.is_set():
            found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=ROUND_RECORDS)
            if found:
                await deliver(producer, chain.from_iterable(found.values()))
                await consumer.commit({place: records[-1].offset + 1 for place, records in found.items()})


if __name__ == "__main__":
    uvloop.run(route(*sys.argv[1:]))
