"""``harness list``: the names that commands accept."""
