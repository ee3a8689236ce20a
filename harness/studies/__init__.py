"""Commands that are built on everything below."""
