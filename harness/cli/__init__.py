"""The command line: ``harness run``, ``leaderboard``, ``staleness``, ``tabular``, ``plan``, ``list``, ..."""

# Each module adds its commands to the application. The order is that of the help.
from harness.cli import runs, sweeps, reports, passes, studies, looks  # isort: skip
from harness.cli.app import app

__all__ = ["app", "looks", "passes", "reports", "runs", "studies", "sweeps"]
