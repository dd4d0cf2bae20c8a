"""TLS, SASL and ACLs, on a real Apache Kafka that has them."""
