"""The oracle: the same links in time, with a trained receiver and counted errors."""
