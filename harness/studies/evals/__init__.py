"""``harness eval``: models on tasks, without training; the same prompts and settings for every model."""
