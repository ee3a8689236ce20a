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
from harness.config.arms import objective_of, run_config
from harness.config.naming import with_own_name
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.records.journal import JOURNAL
from harness.records.out_dir import SUITE
from harness.report.archive import ARCHIVE, ArchiveSource
from harness.studies.evals.document import OwnEval, OwnSummary
from harness.studies.evals.results import EvalStore
from harness.studies.evals.tables import write_tables
from harness.studies.passes.command import COUNTS, DOCUMENT, PICTURE, TABLE
from harness.studies.tabular.leak_text import leak_markdown
from harness.studies.tabular.tables import convergence_markdown, gradients_markdown
from tests.support.paths import ROOT

REAL = "svamp_test.jsonl@Qwen2.5-Coder-0.5B-Instruct"
PRODUCTS = "reasoning_gym-products@tiny-products"
EVALS = "evals"
SUITES = {
    REAL: REAL,
    PRODUCTS: PRODUCTS,
    "smollm2-sums": "smollm2-sums",
    "tiny-arithmetic": "tiny-arithmetic",
    "tiny-arithmetic-literature": "tiny-arithmetic",
    "tiny-arithmetic-soft": "tiny-arithmetic",
    "tiny-gcd": "tiny-gcd",
}
"""The suite of the runs in each folder with a leaderboard."""
LAGS = "tiny-arithmetic-lags"
PNG_COLOUR_TYPE, PNG_PALETTE = 25, 3
"""The place of the colour type in a PNG file, and its value for pictures with a palette."""


def test_the_results_stay_small(committed: Path) -> None:
    sizes = {path: path.stat().st_size for path in committed.glob("results/**/*") if path.is_file()}
    assert sum(sizes.values()) < 30_000_000, sorted(sizes.items(), key=lambda item: -item[1])[:10]
    pictures = [path for path in sizes if path.suffix == ".png"]
    assert [str(path) for path in pictures if path.read_bytes()[PNG_COLOUR_TYPE] != PNG_PALETTE] == []


def test_every_published_archive_is_tested(committed: Path) -> None:
    assert sorted(path.parent.name for path in committed.glob(f"results/*/{ARCHIVE}")) == sorted([*SUITES, LAGS])


@pytest.mark.parametrize(("folder", "suite"), SUITES.items())
def test_published_tables_come_from_the_published_runs(
    folder: str, suite: str, committed: Path, tmp_path: Path
) -> None:
    archive = committed / "results" / folder / ARCHIVE
    own = archive.with_name(SUITE)
    given = str(own) if own.is_file() else suite
    done = CliRunner().invoke(
        app, ["leaderboard", "--suite", given, "--from", str(archive), "--out", str(tmp_path)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    made = tmp_path / suite
    others = {ARCHIVE, COUNTS, TABLE, DOCUMENT, PICTURE, SUITE, EVALS}
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


def test_published_evaluations_come_from_their_results(committed: Path, tmp_path: Path) -> None:
    folder = committed / "results" / REAL
    write_tables(EvalStore(folder).read(), tmp_path)
    for name in ("evals.md", "evals.json", "evals.csv"):
        assert (tmp_path / name).read_text() == (folder / EVALS / name).read_text()


def test_the_settings_of_the_suite_give_the_published_runs_of_the_real_model(committed: Path) -> None:
    before = load_suite("qwen2.5-coder-0.5b-svamp", [])
    at_hand = [("model.path", "Qwen2.5-Coder-0.5B-Instruct.gguf"), ("task.data", "svamp_test.jsonl")]
    suite = with_own_name(load_suite(before.name, [*at_hand, ("model.device", "cuda")]), before)
    source = ArchiveSource(committed / "results" / REAL / ARCHIVE, REAL)
    arms = ("agro", "agro_tapered", "dpo", "frozen", "grpo", "reinforce")
    assert sorted(source.run_ids()) == sorted(run_config(suite, arm, seed).run_id for arm in arms for seed in range(3))


def test_the_readme_shows_the_published_table_of_the_real_model(committed: Path) -> None:
    shown = cells((committed / "README.md").read_text().split("\n## ")[0])
    published = cells((committed / "results" / REAL / "leaderboard.md").read_text())
    assert len(shown) == 6
    for arm, row in shown.items():
        assert row.items() <= published[arm].items()


EVALUATED: list[tuple[str, str, Callable[[OwnSummary], float]]] = [
    ("sampled %", "svamp", lambda summary: summary.acc_at_1.mean),
    ("greedy %", "svamp", lambda summary: summary.greedy.mean),
    ("pass@8 %", "svamp", lambda summary: summary.pass_at_k.mean),
    ("maj@8 %", "svamp", lambda summary: summary.maj_at_k.mean),
    ("new numbers %", "svamp:numbers=changed", lambda summary: summary.acc_at_1.mean),
    ("GSM8K greedy %", "gsm8k", lambda summary: summary.greedy.mean),
]
"""The columns of the page: their titles, tasks and measures."""


def test_the_findings_show_the_published_evaluations(committed: Path) -> None:
    shown = cells((ROOT / "docs" / "findings.md").read_text().split("\n## A real model\n")[1].split("\n## ")[0])
    found: dict[str, dict[str, str]] = {}
    for results in EvalStore(committed / "results" / REAL).read().values():
        for one in results:
            assert isinstance(one, OwnEval)
            model = re.sub("-s0-.*", "", one.model)
            for column, task, measure in EVALUATED:
                if one.posed == task:
                    found.setdefault(model, {})[column] = f"{100 * measure(one.summary):.1f}"
    assert found["Qwen2.5-Coder-0.5B-Instruct"]["sampled %"] == "24.8"
    assert shown == found


def cells(page: str) -> dict[str, dict[str, str]]:
    """The cells of all tables of a page by the first cell of their row and by the title of their column."""
    found: dict[str, dict[str, str]] = {}
    headers: list[str] = []
    for line in page.splitlines():
        row = [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            headers = []
        elif not headers:
            headers = row
        elif not row[0].startswith("---"):
            found.setdefault(row[0], {}).update(zip(headers[1:], row[1:], strict=True))
    return found


def test_the_readme_shows_a_published_table(committed: Path) -> None:
    section = (committed / "README.md").read_text().split("\n## Results\n")[1].split("\n## ")[0]
    assert_published(section, committed, "tiny-arithmetic")


@pytest.mark.parametrize(
    ("title", "folder"), [("## Measurements", "tiny-arithmetic"), ("### A second task", "tiny-gcd")]
)
def test_the_page_on_old_data_shows_published_tables(title: str, folder: str, committed: Path) -> None:
    section = (ROOT / "docs" / "old-data.md").read_text().split(f"\n{title}\n")[1].split("\n##")[0]
    assert_published(section.replace("`", ""), committed, folder)


def test_the_page_on_old_data_shows_the_objectives_of_the_literature(committed: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "old-data.md").read_text().split("\n### Objectives of the literature\n")[1].split("\n##")[0]
    folders = ("tiny-arithmetic", "tiny-arithmetic-soft", "tiny-arithmetic-literature")
    archives = [argument for name in folders for argument in ("--from", str(committed / "results" / name / ARCHIVE))]
    regimes = ("stale:16", "offline")
    asked = [argument for regime in regimes for argument in ("--regime", regime)]
    command = ["leaderboard", "--suite", "tiny-arithmetic", *asked, *archives, "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    overview, *rest = (tmp_path / "tiny-arithmetic" / "leaderboard.md").read_text().split("\n## ")
    found = [cells(part) for regime in regimes for part in rest if part.startswith(f"{regime}\n")]
    assert len(found) == len(regimes)
    shown = cells(page)
    assert len(shown) == 18
    for arm, row in shown.items():
        collapsed = [re.search(r"\((\d+) collapsed\)", made[arm]["seeds"]) for made in found]
        assert row == cells(overview)[arm] | {
            "collapsed": ", ".join(count[1] if count else "0" for count in collapsed),
            "FLOPs": ", ".join(made[arm]["FLOPs"].strip("*") for made in found),
        }


def test_the_page_on_old_data_shows_the_third_task(committed: Path) -> None:
    page = (ROOT / "docs" / "old-data.md").read_text().split("\n### A third task, planned before its runs\n")[1]
    published = (committed / "results" / PRODUCTS / "leaderboard.md").read_text().split("\n## ")[0]
    assert cells(page.split("\n##")[0]) == cells(published)


def test_the_published_sweep_of_lags_comes_from_its_runs(committed: Path, tmp_path: Path) -> None:
    published = committed / "results" / LAGS
    command = ["staleness", "--suite", "tiny-arithmetic", "--from", str(published / ARCHIVE), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for name in ("staleness.md", "staleness.json"):
        assert (tmp_path / "tiny-arithmetic" / name).read_text() == (published / name).read_text()


def test_the_page_on_old_data_shows_the_sweep_of_lags(committed: Path) -> None:
    page = (ROOT / "docs" / "old-data.md").read_text().split("\n### How old is too old\n")[1].split("\n##")[0]
    published = (committed / "results" / LAGS / "staleness.md").read_text().split("\n## ")[0]
    shown = cells(page)
    assert len(shown) == 10
    assert shown == cells(published.replace(" * |", " |"))


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


@pytest.mark.parametrize("folder", [*SUITES, LAGS])
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
