"""From verdicts to estimates, tests and ranks."""
