"""Another package adds an objective, a task, an engine and a suite by its entry points."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

METADATA = "Metadata-Version: 2.1\nName: doubled\nVersion: 1.2\n"
POINTS = """[agro_harness.objectives]
doubled = doubled.parts:Doubled
[agro_harness.tasks]
twos = doubled.parts:TWOS
[agro_harness.engines]
slow = doubled.parts:make_slow
[agro_harness.suites]
twos-suite = doubled
"""
PARTS = '''"""Parts."""
from dataclasses import dataclass

from algorithms.reinforce import Reinforce
from algorithms.types import Batch, LossOutput, PolicyOutput
from evaluators.tasks import Task
from evaluators.types import Problem
from harness.rollout.engines import ENGINES


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubled(Reinforce):
    """REINFORCE, twice."""

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        once = Reinforce.loss(self, policy, batch)
        return LossOutput(loss=2 * once.loss, metrics=once.metrics)


def build(split, *, data=None):
    first = {"train": 0, "validation": 20, "test": 40}[split]
    return [Problem(id=f"{i}", prompt=f"{i}+2=", answer=str(i + 2)) for i in range(first, first + 20)]


TWOS = Task(build=build, prompts=True)


def make_slow(policy, compute, context):
    """Samples slowly."""
    return ENGINES["transformers"](policy, compute, context)
'''
SUITE = """name: twos-suite
description: Adds two.
model: {path: "embedded:tiny-arithmetic", device: cpu, dtype: float32}
task: {name: twos}
rollout: {prompts: 2, group_size: 2, max_tokens: 8}
optimizer: {learning_rate: 1.0e-4}
budget: {unit: completions, total: 8}
evaluation: {validation_problems: 2, test_problems: 2}
compute: {engine: slow}
baseline: grpo
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds this one."""
    site = tmp_path_factory.mktemp("site")
    (site / "doubled").mkdir()
    (site / "doubled" / "__init__.py").touch()
    (site / "doubled" / "parts.py").write_text(PARTS)
    (site / "doubled" / "twos-suite.yaml").write_text(SUITE)
    install(site, "doubled", METADATA, POINTS)
    return site


def install(site: Path, name: str, metadata: str, points: str) -> None:
    info = site / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(points)


def typed(site: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    paths = os.pathsep.join([str(ROOT), str(site)])
    environment = os.environ | {"PYTHONPATH": paths, "COLUMNS": "200"}
    command = [sys.executable, "-m", "harness.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_they_are_listed_with_their_origin(site: Path) -> None:
    for registry, name in (("objectives", "doubled"), ("tasks", "twos"), ("engines", "slow"), ("suites", "twos-suite")):
        done = typed(site, "list", registry)
        assert done.returncode == 0, done.stderr
        assert name in done.stdout and "from doubled 1.2" in done.stdout, done.stdout


def test_a_run_uses_all_four_and_records_the_package(site: Path, tmp_path: Path) -> None:
    command = ["run", "--algos", "doubled", "--suite", "twos-suite", "--seeds", "1", "--anyway", "--out", str(tmp_path)]
    done = typed(site, *command)
    assert done.returncode == 0, done.stderr
    (journal,) = tmp_path.glob("twos-suite/runs/doubled-*/journal.jsonl")
    start = journal.read_text().splitlines()[0]
    for recorded in ('"doubled":"1.2"', '"objective":"doubled.parts:Doubled"', '"engine":"slow"', '"name":"twos"'):
        assert recorded in start.replace(": ", ":"), start


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("[agro_harness.objectives]\ngrpo = doubled.parts:Doubled\n", ("adds 'grpo'", "the harness itself")),
        ("[agro_harness.objectives]\ndoubled = doubled.parts:Doubled\n", ("adds 'doubled'", "doubled 1.2")),
        ("[agro_harness.engines]\nvllm = doubled.parts:make_slow\n", ("adds 'vllm'", "the harness itself")),
        ("[agro_harness.tasks]\ngsm8k = doubled.parts:TWOS\n", ("adds 'gsm8k'", "the harness itself")),
        ("[agro_harness.suites]\ntiny-gcd = doubled\n", ("adds 'tiny-gcd'", "the harness itself")),
        ("[agro_harness.tasks]\nwrong = doubled.parts:make_slow\n", ("wrong", "is no evaluators.tasks.Task")),
        ("[agro_harness.tasks]\ngone = doubled.nowhere:TASK\n", ("gone", "cannot be imported from doubled.nowhere")),
    ],
)
def test_what_cannot_be_used_is_refused_by_package(
    points: str, expected: tuple[str, ...], site: Path, tmp_path: Path
) -> None:
    install(tmp_path, "other", METADATA.replace("doubled", "other"), points)
    group = points.partition("]")[0].rpartition(".")[2]
    done = typed(Path(f"{site}{os.pathsep}{tmp_path}"), "list", group)
    assert done.returncode == 2, done.stdout + done.stderr
    (sentence,) = done.stderr.splitlines()
    assert "other 1.2" in sentence and all(text in sentence for text in expected), sentence
