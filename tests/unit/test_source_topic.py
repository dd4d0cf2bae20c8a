import asyncio
import weakref
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicCollection

from fanout.settings import Settings
from fanout.supervisor import source
from fanout.supervisor.source import SourceTopic
from tests.unit.pooling import until

SETTINGS = Settings(endpoint="kafka:9092", topic="cluster-events")


class Admin:
    """Answers with the topic's id, or with this error."""

    made: list["Admin"]
    code: int | None

    def __init__(self, _: object) -> None:
        self.looks = 0
        Admin.made.append(self)

    def describe_topics(self, _: TopicCollection, request_timeout: float) -> dict[str, Future[Any]]:
        self.looks += 1
        future: Future[Any] = Future()
        if Admin.code is None:
            future.set_result(SimpleNamespace(topic_id="an-id", partitions=[0, 1]))
        else:
            future.set_exception(KafkaException(KafkaError(Admin.code)))
        return {"cluster-events": future}

    def poll(self, _: float) -> int:
        return 0


@pytest.mark.parametrize(
    ("code", "looks"),
    [
        (None, [3]),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, [3]),
        (KafkaError._TIMED_OUT, [1, 1, 1, 0]),
        (KafkaError._TRANSPORT, [1, 1, 1, 0]),
    ],
)
def test_a_look_that_no_broker_answered_is_made_with_another_client_the_next_time(
    monkeypatch: pytest.MonkeyPatch, code: int | None, looks: list[int]
) -> None:
    monkeypatch.setattr(source, "AdminClient", Admin)
    Admin.made, Admin.code = [], code

    async def run() -> None:
        topic = SourceTopic(SETTINGS, lambda: None)
        watching = asyncio.create_task(topic.watch())
        for _ in range(3):
            await topic.identified()
        watching.cancel()

    asyncio.run(run())
    assert [admin.looks for admin in Admin.made] == looks


asked: dict[str, Future[Any]] = {}


class Slow(Admin):
    """Answers when it is told to, and never once it is gone: as the client does."""

    def describe_topics(self, _: TopicCollection, request_timeout: float) -> dict[str, Future[Any]]:
        return {"cluster-events": asked.setdefault("topics", Future())}

    def describe_configs(self, resources: list[Any], request_timeout: float) -> dict[Any, Future[Any]]:
        return {resources[0]: asked.setdefault("configs", Future())}


@pytest.mark.parametrize("question", ["topics", "configs"])
def test_a_client_that_is_renewed_while_it_is_asked_lives_until_it_has_answered(
    monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(source, "AdminClient", Slow)
    asked.clear()

    async def run() -> None:
        topic = SourceTopic(SETTINGS, lambda: None)
        Admin.made = []  # which would hold it
        client = weakref.ref(topic.admin)
        asking = asyncio.create_task(topic._look() if question == "topics" else topic.learn_limits())
        await until(lambda: question in asked)
        topic.renew(SETTINGS)
        assert client() is not None
        asked[question].set_exception(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
        await asking

    asyncio.run(run())
