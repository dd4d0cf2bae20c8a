"""The image without a container engine: its Dockerfile read, built and run in namespaces of this machine."""
