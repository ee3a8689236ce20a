"""The published files under ``results/`` agree with their runs."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from algorithms.types import hyperparameters
from harness.cli import app
from harness.config.arms import objective_of
from harness.config.run_config import RunConfig
from harness.records.journal import JOURNAL
from harness.report.archive import ARCHIVE
from harness.studies.tabular.leak_text import leak_markdown
from harness.studies.tabular.tables import convergence_markdown, gradients_markdown
from tests.support.paths import ROOT

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
    assert {path.name for path in made.iterdir()} == {path.name for path in archive.parent.iterdir()} - {ARCHIVE}
    for name in ("leaderboard.md", "leaderboard.csv", "leaderboard.html", "dataset-card.md", "marl-eval.json"):
        assert (made / name).read_text() == (archive.parent / name).read_text()
    name = "problems.parquet"  # its bytes depend on the version of pyarrow, and those of pictures on other versions
    assert pq.read_table(made / name).equals(pq.read_table(archive.parent / name))
    assert close(json.loads((made / "leaderboard.json").read_text())) == json.loads(
        (archive.parent / "leaderboard.json").read_text()
    )


@pytest.mark.parametrize("folder", SUITES)
def test_published_runs_would_get_the_same_id_today(folder: str, committed: Path) -> None:
    """Otherwise ``harness run`` would train them again. A field that was added later must be marked as later."""
    with tarfile.open(committed / "results" / folder / ARCHIVE, "r:xz") as archive:
        for entry in archive:
            if entry.name.endswith(JOURNAL):
                content = archive.extractfile(entry)
                assert content
                start = json.loads(content.readline())
                config = RunConfig.model_validate(start["config"])
                objective = objective_of(config.objective)
                named = {name: getattr(objective, name) for name in hyperparameters(objective)}
                filled = config.objective.model_copy(update={"fields": named})
                today = config.model_copy(update={"objective": filled})
                assert today.run_id == start["run_id"] == entry.name.split("/")[0]


def test_the_readme_shows_a_published_table(committed: Path) -> None:
    section = (committed / "README.md").read_text().split("\n## Results\n")[1].split("\n## ")[0]
    assert_published(section, committed)


def test_the_page_on_old_data_shows_a_published_table(committed: Path) -> None:
    section = (ROOT / "docs" / "old-data.md").read_text().split("\n## Measurements\n")[1].split("\n##")[0]
    assert_published(section.replace("`", ""), committed)


def assert_published(section: str, committed: Path) -> None:
    """Each row of the section's tables is a row of the published table of sums."""
    rows = [line for line in section.splitlines() if line.startswith("|")]
    published = (committed / "results" / "tiny-arithmetic" / "leaderboard.md").read_text().splitlines()
    assert rows
    assert [row for row in rows if row not in published] == []


@pytest.mark.parametrize(
    ("name", "written"),
    [("convergence", convergence_markdown), ("gradients", gradients_markdown), ("leak", leak_markdown)],
)
def test_published_pages_of_exact_studies_come_from_their_numbers(
    name: str, written: Callable[[dict[str, Any]], str], committed: Path
) -> None:
    folder = committed / "results" / "tabular"
    assert written(json.loads((folder / f"{name}.json").read_text())) == (folder / f"{name}.md").read_text()


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
