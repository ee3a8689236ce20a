"""What a run is: its settings, the suites that share them, and what the command line changes."""
