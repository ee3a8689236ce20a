"""Where runs come from: journals and archives are read without MLflow."""

import subprocess
import sys

from harness.records.out_dir import OutDir
from harness.report.archive import ARCHIVE, write_archive
from tests.support.paths import ROOT
from tests.support.small import SUITE

LEADERBOARDS = """
import sys
import harness.report.commands
assert "mlflow" not in sys.modules, "imported with the commands"
from harness.cli import app
for arguments in ([], ["--from", sys.argv[2]]):
    app(["leaderboard", "--suite", sys.argv[3], "--out", sys.argv[1], *arguments], standalone_mode=False)
    assert "mlflow" not in sys.modules, f"imported by a leaderboard {arguments}"
"""


def test_a_leaderboard_of_journals_or_an_archive_imports_no_mlflow(store: OutDir) -> None:
    archive = store.suite(SUITE) / ARCHIVE
    assert write_archive(store, SUITE, archive) == 2
    done = subprocess.run(
        [sys.executable, "-c", LEADERBOARDS, str(store.root), str(archive), SUITE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote leaderboard.html") == 2
