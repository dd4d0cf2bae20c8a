"""What a replica answers over HTTP: the probes of the kubelet, the metrics, its status as JSON and as a page."""
