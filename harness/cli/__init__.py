"""The command line: ``harness run``, ``leaderboard``, ``tabular``, ``plan``, ``list``, ``doctor``, ..."""

# Each adds its commands to the application, in the order of the help.
from harness.cli import runs, reports, studies, looks  # isort: skip
from harness.cli.app import app

__all__ = ["app", "looks", "reports", "runs", "studies"]
