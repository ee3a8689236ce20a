"""Compares this harness with the trainers of TRL for the same work: ``python -m benchmarks.against_trl``."""
