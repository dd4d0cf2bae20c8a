"""What the tests of the commands share: how one is called, and how a source comes to be as a test wants it."""

from click.testing import CliRunner, Result
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from fanout.cli import commands
from fanout.config.sources import FIELDS, variable

REQUEST_S = 30.0


def call(kafka: LocalKafka, prefix: str, *args: str, stdin: str = "", **environ: str) -> Result:
    """A command with the settings of this test: its source, its group and its destinations."""
    clean = dict.fromkeys([variable(name) for name in FIELDS], "")
    own = {
        "ENDPOINT": kafka.bootstrap,
        "TOPIC": f"{prefix}-source",
        "GROUPID": prefix,
        "TOPIC_TEMPLATE": f"{prefix}.{{namespace}}",
    }
    return CliRunner().invoke(commands, args, env={**clean, **own, **environ}, prog_name="events-fanout", input=stdin)


def commit(kafka: LocalKafka, group: str, topic: str, offset: int, *, identity: str = "") -> None:
    """Commit for partition 0 from outside the group."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset, identity)], asynchronous=False)
    consumer.close()


def expire(kafka: LocalKafka, topic: str, offset: int) -> None:
    """Delete what is below the offset in partition 0, as retention does."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        future.result(REQUEST_S)
