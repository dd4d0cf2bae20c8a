"""Much of something, on a real Apache Kafka that takes large records."""
