"""What happens to symbols between two ends: pulses, equalisers, noise, error rates."""
