"""The published files under ``results/`` agree with their runs."""

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
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
from harness.studies.passes.command import COUNTS, DOCUMENT, PICTURE, TABLE
from harness.studies.tabular.leak_text import leak_markdown
from harness.studies.tabular.tables import convergence_markdown, gradients_markdown
from tests.support.paths import ROOT

SUITES = {
    "smollm2-sums": "smollm2-sums",
    "tiny-arithmetic": "tiny-arithmetic",
    "tiny-arithmetic-soft": "tiny-arithmetic",
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
    others = {ARCHIVE, COUNTS, TABLE, DOCUMENT, PICTURE}
    assert {path.name for path in made.iterdir()} == {path.name for path in archive.parent.iterdir()} - others
    for name in ("leaderboard.md", "leaderboard.csv", "leaderboard.html", "dataset-card.md", "marl-eval.json"):
        assert (made / name).read_text() == (archive.parent / name).read_text()
    name = "problems.parquet"  # its bytes depend on the version of pyarrow, and those of pictures on other versions
    assert pq.read_table(made / name).equals(pq.read_table(archive.parent / name))
    assert close(json.loads((made / "leaderboard.json").read_text())) == json.loads(
        (archive.parent / "leaderboard.json").read_text()
    )


def test_published_pass_at_k_comes_from_the_published_counts(committed: Path, tmp_path: Path) -> None:
    counts = sorted(committed.glob(f"results/*/{COUNTS}"))
    assert counts
    for file in counts:
        command = ["pass-at-k", "--from", str(file), "--out", str(tmp_path)]
        done = CliRunner().invoke(app, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        made, published = tmp_path / file.parent.name, file.parent
        assert (made / TABLE).read_text() == (published / TABLE).read_text()
        assert close(json.loads((made / DOCUMENT).read_text())) == json.loads((published / DOCUMENT).read_text())
        assert (published / PICTURE).is_file()


def test_the_readme_shows_a_published_table(committed: Path) -> None:
    section = (committed / "README.md").read_text().split("\n## Results\n")[1].split("\n## ")[0]
    assert_published(section, committed, "tiny-arithmetic")


@pytest.mark.parametrize(
    ("title", "folder"), [("## Measurements", "tiny-arithmetic"), ("### A second task", "tiny-gcd")]
)
def test_the_page_on_old_data_shows_published_tables(title: str, folder: str, committed: Path) -> None:
    section = (ROOT / "docs" / "old-data.md").read_text().split(f"\n{title}\n")[1].split("\n##")[0]
    assert_published(section.replace("`", ""), committed, folder)


def assert_published(section: str, committed: Path, folder: str) -> None:
    """Each row of the section's tables is a row of the published table in the folder."""
    rows = [line for line in section.splitlines() if line.startswith("|")]
    published = (committed / "results" / folder / "leaderboard.md").read_text().splitlines()
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
    assert [today(start["config"]).run_id for start in starts] == [start["run_id"] for start in starts]


def today(config: dict[str, Any]) -> RunConfig:
    """The config as it would be recorded now, with all fields of the objective."""
    recorded = RunConfig.model_validate(config)
    objective = objective_of(recorded.objective)
    fields = {name: getattr(objective, name) for name in hyperparameters(objective)}
    return recorded.model_copy(update={"objective": recorded.objective.model_copy(update={"fields": fields})})


SHARES = {
    "frozen": 65,
    "agro": 5,
    "grpo": 2.5,
    "agro-offline": 4,
    "dpo-offline": 6,
    "grpo-offline": 57,
    "agro_tapered-offline": 33,
    "agro_anchored-offline": 33,
}
"""The percentages of completions with steps that docs/findings.md and docs/old-data.md name."""


def test_the_pages_name_the_shares_of_published_completions_with_steps(committed: Path) -> None:
    found: dict[str, list[tuple[bool, bool]]] = {name: [] for name in SHARES}
    with tarfile.open(committed / "results" / "tiny-gcd" / ARCHIVE, "r:xz") as archive:
        for entry in archive:
            arm = re.match(r"(.+)-s\d-.*\.parquet", entry.name)
            if arm and arm[1] in SHARES and (file := archive.extractfile(entry)):
                rows = pq.read_table(io.BytesIO(file.read()), columns=["text", "strict"]).to_pylist()
                found[arm[1]] += [("%" in row["text"], row["strict"] == "correct") for row in rows]
    for name, share in SHARES.items():
        assert len(found[name]) == 5000
        assert 100 * fmean(steps for steps, _ in found[name]) == pytest.approx(share, abs=0.5)
        assert 50 < 100 * fmean(correct for steps, correct in found[name] if steps) < 60.5
        assert 78 < 100 * fmean(correct for steps, correct in found[name] if not steps) < 83.5


def close(value: Any) -> Any:
    """True if texts differ only in their last digits, as with other versions of scipy."""
    if isinstance(value, dict):
        return {key: close(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [close(inner) for inner in value]
    return pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value
