"""Models: log-probabilities of tokens."""
