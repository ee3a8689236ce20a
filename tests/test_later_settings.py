"""A setting that is added after runs were published does not change them: they are found, resumed and compared."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SUITE = "tiny-gcd"
ADDED = {
    "harness/config/settings.py": (
        "    max_tokens: PositiveInt = 128\n",
        "    max_tokens: PositiveInt = 128\n    top_p: Annotated[Fraction, LATER] = 1.0\n",
    ),
    "algorithms/agro.py": (
        "    beta: float",
        "    extra: Annotated[float, LATER] = 0.5\n    beta: float",
    ),
}
IMPORTS = "from typing import Annotated\nfrom algorithms.later import LATER\n"


@pytest.fixture(scope="module")
def later_harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the three packages in which the rollout settings and AGRO have one more field."""
    copy = tmp_path_factory.mktemp("later")
    for package in ("algorithms", "evaluators", "harness"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, after) in ADDED.items():
        text = (copy / name).read_text()
        assert text.count(before) == 1, f"{name} has no single {before!r}"
        head, docstring, rest = text.replace(before, after).partition('"""\n')
        (copy / name).write_text(f"{head}{docstring}{IMPORTS}{rest}")
    return copy


@pytest.fixture(scope="module")
def published(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published runs, unpacked where ``--out`` would write them."""
    out = tmp_path_factory.mktemp("out")
    with tarfile.open(committed / "results" / SUITE / "runs.tar.xz", "r:xz") as archive:
        archive.extractall(out / SUITE / "runs")
    (out / SUITE / "runs" / "runs.json").unlink()
    return out


def harness(copy: Path, *commands: list[str]) -> None:
    """Runs these commands one after the other in one process."""
    code = f"from harness.cli import app\nfor command in {commands!r}: assert not app(command, standalone_mode=False)"
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_published_runs_are_listed_and_compared(later_harness: Path, published: Path, committed: Path) -> None:
    archive = str(committed / "results" / SUITE / "runs.tar.xz")
    sources = {published: [], published / "tables": ["--from", archive]}
    commands = (["leaderboard", "--suite", SUITE], ["compare", "agro", "grpo", "--regime", "offline", "--suite", SUITE])
    harness(later_harness, *([*c, "--out", str(out), *more] for out, more in sources.items() for c in commands))
    for out in sources:
        made = (out / SUITE / "leaderboard.md").read_text()
        assert made == (committed / "results" / SUITE / "leaderboard.md").read_text()


def test_published_runs_are_taken_up_and_not_trained_again(later_harness: Path, published: Path) -> None:
    runs = published / SUITE / "runs"
    before = {path: path.read_bytes() for path in sorted(runs.glob("*/journal.jsonl"))}
    command = ["run", "--suite", SUITE, "--algos", "agro,grpo", "--seeds", "2", "--workers", "1"]
    harness(later_harness, [*command, "--out", str(published)])
    assert {path: path.read_bytes() for path in sorted(runs.glob("*/journal.jsonl"))} == before


def test_away_from_its_default_the_setting_makes_another_run(later_harness: Path) -> None:
    code = (
        "from harness.config.arms import run_config; from harness.config.suites import load_suite\n"
        "for changes in ([], [('rollout.top_p', 0.5)], [('objectives.agro.fields.extra', 1)]):\n"
        "    suite = load_suite('tiny-gcd', [*changes, ('model.device', 'cpu'), ('model.dtype', 'float32')])\n"
        "    print(run_config(suite, 'agro', 0).run_id)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(later_harness)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=later_harness, env=environment, capture_output=True, text=True, check=True)
    assert len(set(done.stdout.split())) == 3
