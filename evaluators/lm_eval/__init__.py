"""Tasks of lm-evaluation-harness, for any function that generates texts."""
