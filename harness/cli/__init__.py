"""The command line: ``harness run``, ``leaderboard``, ``staleness``, ``tabular``, ``plan``, ``list``, ..."""

# Each module adds its commands to the application. The order is that of the help.
from harness.cli import runs, sweeps, reports, studies, looks  # isort: skip
from harness.cli.app import app

__all__ = ["app", "looks", "reports", "runs", "studies", "sweeps"]
