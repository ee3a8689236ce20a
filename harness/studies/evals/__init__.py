"""``harness eval``: evaluates models on tasks, without training, with the same prompts and settings for every model."""
