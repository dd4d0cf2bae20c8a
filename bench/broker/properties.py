"""server.properties of one node, as a dict: the smallest honest broker, not a fast one and not a special one."""

from collections.abc import Sequence

from bench.broker.node import Ports


def server_properties(number: int, ports: Sequence[Ports]) -> dict[str, str]:
    """Settings of node `number` (its broker id) of a cluster whose nodes have these ports."""
    voters = (f"{voter}@127.0.0.1:{port.controller}" for voter, port in enumerate(ports))
    copies = str(min(3, len(ports)))
    in_sync = "2" if len(ports) > 1 else "1"
    broker, controller = ports[number]
    return {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
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
