"""The measurements of `python -m bench` in their quick forms, on a real Apache Kafka."""
