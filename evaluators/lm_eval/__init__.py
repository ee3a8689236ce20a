"""Tasks of lm-evaluation-harness, by whatever generates texts."""
