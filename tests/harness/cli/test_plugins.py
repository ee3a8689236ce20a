"""Another package adds an objective, a task, an engine and a suite with its entry points."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.plugins import points_of
from harness.config.settings import ComputeSettings
from tests.support.command_line import harness, refused
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
    return [Problem(id=f"{i}", prompt=f"{i}+2=", answer=str(i + 2), split=split) for i in range(first, first + 20)]


TWOS = Task(build=build, prompts=True)


def make_slow(policy, compute, context):
    """Samples slowly."""
    return ENGINES["transformers"](policy, compute, context)
'''
SUITE = """name: twos-suite
description: Adds two.
model: {path: "embedded:tiny-arithmetic", device: cpu, dtype: float32}
task: {name: twos}
rollout: {prompts: 2, group_size: 2, max_prompt_tokens: 16, max_tokens: 8}
optimizer: {learning_rate: 1.0e-4}
budget: {unit: completions, total: 8}
evaluation: {validation_problems: 2, test_problems: 2}
compute: {engine: slow}
baseline: grpo
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that contains this one."""
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


@pytest.fixture
def here(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Installs the package for this process."""
    monkeypatch.syspath_prepend(str(site))
    points_of.cache_clear()
    yield monkeypatch
    points_of.cache_clear()


@pytest.mark.parametrize(
    ("registry", "name"),
    [("objectives", "doubled"), ("tasks", "twos"), ("engines", "slow"), ("suites", "twos-suite")],
)
def test_they_are_listed_with_their_origin(registry: str, name: str, here: pytest.MonkeyPatch) -> None:
    code, shown = harness("list", registry)
    assert code == 0
    assert name in shown and "from doubled 1.2" in shown


def test_a_run_uses_all_four_and_records_the_package(site: Path, tmp_path: Path) -> None:
    """In a process of its own, whose workers also find the package."""
    command = ["run", "--algos", "doubled", "--suite", "twos-suite", "--seeds", "1", "--anyway", "--out", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (journal,) = tmp_path.glob("twos-suite/runs/doubled-*/journal.jsonl")
    start = json.loads(journal.read_text().splitlines()[0])
    assert start["origin"]["versions"]["doubled"] == "1.2"
    config = start["config"]
    assert config["objective"]["objective"] == "doubled.parts:Doubled"
    assert (config["compute"]["engine"], config["task"]["name"]) == ("slow", "twos")


@pytest.mark.parametrize(
    ("registry", "point", "expected"),
    [
        (
            "objectives",
            "grpo = doubled.parts:Doubled",
            "adds 'grpo' to agro_harness.objectives, and so does the h",
        ),
        (
            "objectives",
            "doubled = doubled.parts:Doubled",
            "adds 'doubled' to agro_harness.objectives, and so does d",
        ),
        ("engines", "vllm = doubled.parts:make_slow", "adds 'vllm' to agro_harness.engines, and so does the h"),
        ("tasks", "gsm8k = doubled.parts:TWOS", "adds 'gsm8k' to agro_harness.tasks, and so does the h"),
        ("suites", "tiny-gcd = doubled", "adds 'tiny-gcd' to agro_harness.suites, and so does the h"),
        ("tasks", "wrong = doubled.parts:make_slow", "at doubled.parts:make_slow is not an evaluators.tasks.Task"),
        ("engines", "wrong = doubled.parts:TWOS", "at doubled.parts:TWOS is not a function"),
        ("engines", "auto = doubled.parts:make_slow", "adds 'auto' to agro_harness.engines, and so does the h"),
        ("tasks", "gone = doubled.nowhere:TASK", "cannot be imported from doubled.nowhere"),
        ("engines", "gone = doubled.nowhere:make", "cannot be imported from doubled.nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused_by_package(
    registry: str, point: str, expected: str, here: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(tmp_path, "other", METADATA.replace("doubled", "other"), f"[agro_harness.{registry}]\n{point}\n")
    here.syspath_prepend(str(tmp_path))
    sentence = refused(["list", registry], expected)
    assert "other 1.2" in sentence


def test_what_is_installed_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every config asks whether its engine is known, and a report reads a thousand configs."""
    asked: list[str] = []
    monkeypatch.setattr("evaluators.plugins.entry_points", lambda *, group: asked.append(group) or ())
    points_of.cache_clear()
    for _ in range(3):
        ComputeSettings(engine="transformers")
    points_of.cache_clear()
    assert asked == ["agro_harness.engines"]
