"""``harness list``: what can be named on the command line."""
