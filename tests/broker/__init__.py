"""Tests on a real Apache Kafka of one node, which ends with them."""
