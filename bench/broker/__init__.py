"""A real Apache Kafka on the loopback, for tests and measurements: `with LocalKafka() as kafka: kafka.bootstrap`.

- `jars`: Kafka's jars, fetched once by Maven into a cache
- `place`: data folder and ports
- `properties`: server.properties
- `tether`: processes that cannot outlive this one
- `node`: one broker process: its folder, start, signals and times
- `ready`: what a node itself answers
- `cluster`: LocalKafka, which is one node or several
"""

from bench.broker.cluster import LocalKafka
from bench.broker.node import BrokerDiedError
from bench.broker.properties import Listener

__all__ = ["BrokerDiedError", "Listener", "LocalKafka"]
