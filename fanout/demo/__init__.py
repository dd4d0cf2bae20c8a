"""The demo: the real program on a mock Kafka, watched live and counted at the end."""
