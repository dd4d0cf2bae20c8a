"""A bad network before a Kafka node: `with Proxy(port) as proxy: proxy.forward_to(target)`, then faults on demand.

- `wire`: where requests and answers begin in a stream, and of what kind they are
- `faults`: what is to happen to requests of a kind, and what did
- `pipe`: one direction of a connection: delay, rate, back-pressure
- `connection`: both directions, and the faults that need to know the requests
- `proxy`: the listening end and its thread
"""

from bench.network.faults import Counts
from bench.network.proxy import Proxy
from bench.network.wire import ApiKey, NotKafkaError

__all__ = ["ApiKey", "Counts", "NotKafkaError", "Proxy"]
