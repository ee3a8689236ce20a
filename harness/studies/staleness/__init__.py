"""``harness staleness``: accuracy against the age of the training completions."""
