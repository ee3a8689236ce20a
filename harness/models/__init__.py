"""Tokens become log-probabilities."""
