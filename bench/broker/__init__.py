"""A real Apache Kafka, for tests and measurements: `with LocalKafka() as kafka: kafka.bootstrap`, or the user's own.

- `jars`: Kafka's jars, fetched once by Maven into a cache
- `place`: data folder and ports
- `properties`: server.properties
- `tether`: processes that cannot outlive this one
- `node`: one broker process: its folder, start, signals and times
- `ready`: what a node itself answers
- `cluster`: LocalKafka, on the loopback, which is one node or several
- `own`: OwnKafka, topics and groups on the user's cluster; `removal`: how they go
- `target`: which of the two is measured on
"""

from bench.broker.cluster import LocalKafka
from bench.broker.node import BrokerDiedError
from bench.broker.own import Cluster, OwnKafka, OwnKafkaError, Terms, terms
from bench.broker.properties import Listener
from bench.broker.target import LOCAL, Target

__all__ = [
    "LOCAL", "BrokerDiedError", "Cluster", "Listener", "LocalKafka", "OwnKafka", "OwnKafkaError", "Target", "Terms",
    "terms",
]  # fmt: skip
