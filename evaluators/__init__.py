"""Tasks, the grader, accuracy and statistics. Imports neither ``harness`` nor ``algorithms``."""
