"""server.properties of one node, as a dict: the smallest honest broker, not a fast one and not a special one."""

from collections.abc import Sequence
from typing import NamedTuple

from bench.broker.node import Ports


class Listener(NamedTuple):
    """A way in besides the plain one: its name, its protocol (PLAINTEXT, SSL, SASL_SSL), its own settings.

    `fronts` has for each node the port that clients are told, where something stands in front of the listener, as a
    proxy does; empty is the listener's own port. `config` goes to server.properties as `listener.name.<name>.<key>`.
    """

    name: str
    protocol: str = "PLAINTEXT"
    fronts: Sequence[int] = ()
    config: tuple[tuple[str, str], ...] = ()


def server_properties(number: int, ports: Sequence[Ports], listeners: Sequence[Listener] = ()) -> dict[str, str]:
    """Settings of node `number` (its broker id) of a cluster whose nodes have these ports."""
    voters = (f"{voter}@127.0.0.1:{port.controller}" for voter, port in enumerate(ports))
    copies = str(min(3, len(ports)))
    in_sync = "2" if len(ports) > 1 else "1"
    broker, controller, others = ports[number]
    told = [
        (listener, listener.fronts[number] if listener.fronts else port)
        for listener, port in zip(listeners, others, strict=True)
    ]
    bound = "".join(f",{listener.name}://127.0.0.1:{port}" for listener, port in zip(listeners, others, strict=True))
    settings = {
        f"listener.name.{listener.name.lower()}.{key}": value
        for listener in listeners
        for key, value in listener.config
    }
    return settings | {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}{bound}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}"
        + "".join(f",{listener.name}://127.0.0.1:{port}" for listener, port in told),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        + "".join(f",{listener.name}:{listener.protocol}" for listener in listeners),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        # Generated events have fixed timestamps, years old perhaps: the 168 h as shipped would delete them at once.
        "log.retention.ms": "-1",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A killed broker may register again only when its last session has ended: 9 s as shipped.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # Least values, so that a test can ask for shorter time-outs: a client (classic) or `config` (KIP-848).
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "100",
    }
