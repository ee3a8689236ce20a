"""``harness replicate``: the verdicts of published runs, on seeds that these do not have."""
