"""Two ends and a path: bit error rate, watts by cause, latency."""
