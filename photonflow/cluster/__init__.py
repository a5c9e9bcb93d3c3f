"""A workload on a cluster: traffic, step time, watts and joules per token."""
