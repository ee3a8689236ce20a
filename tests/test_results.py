"""The published files under ``results/`` agree with their runs."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.config.run_config import RunConfig
from harness.records.journal import JOURNAL
from harness.report.archive import ARCHIVE

SUITES = {
    "smollm2-sums": "smollm2-sums",
    "tiny-arithmetic": "tiny-arithmetic",
    "tiny-gcd": "tiny-gcd",
}
"""The suite of the runs in each published folder."""


def test_every_published_archive_is_tested(committed: Path) -> None:
    assert sorted(path.parent.name for path in committed.glob(f"results/*/{ARCHIVE}")) == sorted(SUITES)


@pytest.mark.parametrize(("folder", "suite"), SUITES.items())
def test_published_tables_come_from_the_published_runs(
    folder: str, suite: str, committed: Path, tmp_path: Path
) -> None:
    archive = committed / "results" / folder / ARCHIVE
    done = CliRunner().invoke(
        app, ["leaderboard", "--suite", suite, "--from", str(archive), "--out", str(tmp_path)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    made = tmp_path / suite
    for name in ("leaderboard.md", "leaderboard.csv", "leaderboard.html"):
        assert (made / name).read_text() == (archive.parent / name).read_text()
    assert close(json.loads((made / "leaderboard.json").read_text())) == json.loads(
        (archive.parent / "leaderboard.json").read_text()
    )


def test_the_readme_shows_a_published_table(committed: Path) -> None:
    section = (committed / "README.md").read_text().split("\n## Results\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    published = (committed / "results" / "tiny-arithmetic" / "leaderboard.md").read_text().splitlines()
    assert rows
    assert [row for row in rows if row not in published] == []


@pytest.mark.parametrize("folder", SUITES)
def test_published_runs_keep_their_ids(folder: str, committed: Path) -> None:
    """A setting that was added without ``LATER`` would give these configs other ids, and no run would resume."""
    with tarfile.open(committed / "results" / folder / ARCHIVE, "r|xz") as archive:
        starts = [
            json.loads(file.readline())
            for entry in archive
            if entry.name.endswith(JOURNAL) and (file := archive.extractfile(entry))
        ]
    assert starts
    assert [RunConfig.model_validate(start["config"]).run_id for start in starts] == [s["run_id"] for s in starts]


def close(value: Any) -> Any:
    """True if texts differ only in their last digits, as with other versions of scipy."""
    if isinstance(value, dict):
        return {key: close(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [close(inner) for inner in value]
    return pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value
