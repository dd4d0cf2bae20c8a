"""events-fanout: every event of a Kubernetes cluster into a Kafka topic named after its namespace."""

__version__ = "0.1.0"
