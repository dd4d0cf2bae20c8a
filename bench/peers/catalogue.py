"""All peers by name."""

from bench.peers import franz_go
from bench.peers.peer import Peer

PEERS: dict[str, Peer] = {peer.name: peer for peer in [*franz_go.PEERS]}
