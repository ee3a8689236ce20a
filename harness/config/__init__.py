"""The configuration of runs: settings, suites, and changes from the command line."""
