"""``harness replicate``: tests the verdicts of published runs on new seeds."""
