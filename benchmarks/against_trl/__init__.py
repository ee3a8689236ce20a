"""This harness against TRL's own trainers, at equal work: ``python -m benchmarks.against_trl``."""
