"""Executors: they train the runs of an invocation."""
