"""Which group protocol this replica joins with: asked of the broker, for as long as it takes to get an answer."""

import asyncio
from collections.abc import Callable

from confluent_kafka import KafkaException

from fanout import client, log
from fanout.settings import Settings
from fanout.supervisor.objection import silence

AGAIN_S = 0.1  # a client that cannot be made says so at once

_log = log.get("membership")
_repeats = log.Repeats(_log)


async def choose_protocol(settings: Callable[[], Settings]) -> client.Protocol:
    """The protocol that this replica joins with. Waits for a broker, as long as it takes."""
    logger = log.client_logger("protocol")
    while True:
        try:
            # First whether there is an answer at all: the choice itself cannot say why there is none.
            problem = await silence(settings()) if settings().group_protocol == "auto" else ""
            if not problem:
                protocol = await asyncio.to_thread(client.choose_protocol, settings(), logger)
                _tell_choice(settings(), protocol)
                return protocol
        except KafkaException as error:
            problem = str(error)
        _repeats.warning(
            "broker not reachable, waiting for it", error=problem,
            advice="look at ENDPOINT and at the broker; where it refuses us, at KAFKA_SECURITY_PROTOCOL, "
            "KAFKA_SASL_* and KAFKA_SSL_*",
        )  # fmt: skip
        await asyncio.sleep(AGAIN_S)


def _tell_choice(settings: Settings, protocol: client.Protocol) -> None:
    old = settings.group_protocol == "auto" and protocol == "classic"
    advice = {"advice": "if the broker serves the newer one: grant DESCRIBE_CONFIGS on the cluster"} if old else {}
    _log.info("joining", group=settings.groupid, protocol=protocol, **advice)
