"""``harness plan``: what a suite's runs need of a GPU, before anything is loaded."""
