"""``harness plan``: memory and time of a suite's runs on a GPU, estimated before anything is loaded."""
