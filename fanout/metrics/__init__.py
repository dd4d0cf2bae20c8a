"""Prometheus metrics: what each is called and means, and how they are made from what the supervisor knows."""
