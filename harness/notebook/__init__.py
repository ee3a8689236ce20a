"""The harness from Python: calls whose results are pandas frames, and draw themselves in a notebook."""
