"""The Python interface of the harness. Results have pandas frames, and display themselves in notebooks."""
