"""What a replica says of itself: what the page, `/status`, the metrics and `events-fanout status` are made of."""
