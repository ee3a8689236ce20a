"""Training on own data: the command says how it was split and which settings it took, and finds it again by name."""

import json
from pathlib import Path

import pytest

from harness.config.suites import load_suite
from harness.launch.inheriting import inherited
from harness.launch.plan import plan
from harness.launch.splitting import split_by_us
from harness.records.out_dir import OutDir
from tests.support.command_line import harness
from tests.support.small import SMALL

SUMS = [(n, n + 3, 2 * n) for n in range(1, 41)]
ROWS = [{"problem": f"{a}+{b}+{c}=", "final": f"#### {a + b + c}"} for a, b, c in SUMS]
TASK = "jsonl:prompt=problem,answer=final"
SETTINGS = [f"--set={key}={json.dumps(value)}" for key, value in SMALL.items() if key != "task.options"]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return "mine.jsonl"


def test_it_runs_is_named_and_is_found_again(mine: str) -> None:
    command = ["run", "--algos", "agro", "--seeds", "0,", "--task", TASK, "--data", mine, *SETTINGS]
    code, output = harness(*command)
    assert code == 0, output
    name = "mine.jsonl@tiny-arithmetic"
    assert "mine.jsonl: 30 train, 7 validation, 3 test, split by a hash of the question; to choose the splits" in output
    assert f"{name} uses settings that tiny-arithmetic has for embedded:tiny-arithmetic on arithmetic: " in output
    (run,) = OutDir(Path("runs")).runs(name)
    for reader in (["leaderboard", "--suite", name], ["leaderboard", "--suite", f"runs/{name}/suite.yaml"]):
        code, again = harness(*reader)
        assert code == 0 and "agro" in again, again
    code, again = harness("leaderboard", "--suite", name, "--from", "sqlite:///runs/mlflow.db")
    assert code == 0, again
    code, again = harness("publish", "--suite", name)
    assert code == 0, again
    code, again = harness("leaderboard", "--suite", name, "--from", f"results/{name}/runs.tar.xz", "--out", "results")
    assert code == 0, again
    planned = plan(f"runs/{name}/suite.yaml", [], ["agro"], [0])
    assert [config.run_id for config in planned.runs] == [run.name]
    assert not (Path("runs") / "tiny-arithmetic").exists()


def test_of_what_the_data_splits_nothing_is_told(mine: str) -> None:
    rows = [row | {"split": ("train", "val", "test")[n % 3]} for n, row in enumerate(ROWS)]
    Path(mine).write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = [("task", {"name": "jsonl", "data": mine, "options": {"prompt": "problem", "answer": "final"}})]
    assert split_by_us(load_suite("tiny-arithmetic", changes).task) is None
    assert split_by_us(load_suite("tiny-arithmetic").task) is None


MODEL = ("model.path", "org/other")


@pytest.mark.parametrize(
    ("suite", "changes", "said", "unsaid"),
    [
        ("tiny-arithmetic", [MODEL], ["optimizer.learning_rate 0.0003; agro optimizer.learning_rate 0.00034"], []),
        (
            "tiny-arithmetic",
            [MODEL, ("optimizer.learning_rate", 1e-3)],
            ["agro fields.beta 0.025"],
            ["0.00034", "0.001"],
        ),
        ("tiny-arithmetic", [MODEL, ("objectives.agro.fields.beta", 0.5)], ["grpo optimizer"], ["fields.beta 0"]),
        ("smollm2-gsm8k", [MODEL], ["optimizer.learning_rate 1e-05; set your own", "--model org/other"], ["agro "]),
    ],
)
def test_what_is_taken_over_is_told(
    suite: str, changes: list[tuple[str, object]], said: list[str], unsaid: list[str]
) -> None:
    (sentence,) = inherited(suite, changes, [load_suite(suite, changes)], ["agro", "grpo"])
    told = sentence.partition(" tune them: ")[0]
    assert all(text in sentence for text in said)
    assert not any(text in told for text in unsaid)
    assert ("tuning.space" in sentence) is not bool(load_suite(suite).tuning.space)


@pytest.mark.parametrize(
    ("suite", "changes"),
    [
        ("tiny-arithmetic", []),
        ("tiny-arithmetic", [("optimizer.learning_rate", 1e-3)]),
        ("smollm2-gsm8k", [MODEL, ("optimizer.learning_rate", 1e-3)]),
    ],
)
def test_where_nothing_is_taken_over_nothing_is_told(suite: str, changes: list[tuple[str, object]]) -> None:
    assert inherited(suite, changes, [load_suite(suite, changes)], ["agro", "grpo"]) == []
