"""Measurements against other programs, and the real local Kafka that they and the tests run on."""
