"""All peers by name."""

from bench.peers import aiokafka_loop, bento, confluent_naive, franz_go, go_original, kafka_clients, kafka_streams
from bench.peers.peer import Peer

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peers in (
        franz_go.PEERS,
        go_original.PEERS,
        bento.PEERS,
        aiokafka_loop.PEERS,
        confluent_naive.PEERS,
        kafka_clients.PEERS,
        kafka_streams.PEERS,
    )
    for peer in peers
}
