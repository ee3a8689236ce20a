"""``harness staleness``: accuracy against the age of the completions that are trained on."""
