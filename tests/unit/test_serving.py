"""What is reckoned for HTTP alone: whatever breaks in it, it goes on, and what delivers does not notice."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from fanout.supervisor import serving as serving_module
from fanout.supervisor.observer import Observer
from fanout.supervisor.serving import Serving
from fanout.supervisor.view import Parts
from tests.unit.fakes import settings
from tests.unit.pooling import until


class Seat:
    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def look_for_itself(self, _: object) -> None:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize(
    "error", [KafkaException(KafkaError(KafkaError._TIMED_OUT)), RuntimeError("closed"), AttributeError("memberid")]
)
def test_a_question_that_breaks_is_put_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(serving_module, "MEMBER_S", 0.001)
    seat = Seat(error)
    parts = SimpleNamespace(
        seat=seat, source=SimpleNamespace(settings=settings(), admin=None), commits=SimpleNamespace(positions=dict)
    )

    async def body() -> None:
        serving = Serving(settings(http_port=0), Observer(settings()), cast("Parts", parts))
        asking = asyncio.create_task(serving._look_for_member())
        await until(lambda: seat.asked > 1 or asking.done())
        assert not asking.done()
        asking.cancel()

    asyncio.run(body())
