"""``harness eval`` on own data: all of a single file, but only the unseen part of a run's own file."""

import json
from pathlib import Path

import pytest

from harness.config.settings import TaskSettings
from harness.errors import HarnessError
from harness.studies.evals.models import Candidate
from harness.studies.evals.problems import Asked, asked_of
from harness.studies.evals.results import EvalStore
from harness.studies.evals.settings import EvalSettings
from tests.support.command_line import harness, refused

MODEL = ["--model", "embedded:tiny-arithmetic", "--engine", "transformers", "--set", "max_tokens=40", "--k", "1"]
SUMS = [(n, n + 3, 2 * n) for n in range(1, 41)]
TASK = TaskSettings(name="jsonl", data="mine.jsonl")
OTHER = Candidate(name="other", path="x")


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.jsonl"
    rows = [{"prompt": f"{a}+{b}+{c}=", "answer": a + b + c} for a, b, c in SUMS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def asked(candidate: Candidate = OTHER, task: TaskSettings = TASK, **settings: str) -> Asked:
    return asked_of(EvalSettings(task=task, **settings), candidate)  # type: ignore[arg-type]


def test_a_single_file_is_asked_whole() -> None:
    found = asked()
    assert (len(found.problems), found.settings.split) == (40, "all")
    assert "mine.jsonl: all 40 problems are asked" in found.told and "by its run id" in found.told
    part = asked(split="test")
    assert (len(part.problems), part.settings.split, part.told) == (3, "test", "")
    assert part.settings.key != found.settings.key


@pytest.mark.parametrize("path", ["mine.jsonl", "./mine.jsonl", "absolute"])
def test_a_run_is_not_asked_what_it_was_trained_on(path: str, mine: Path) -> None:
    data = str(mine) if path == "absolute" else path
    run = Candidate(name="agro-s0-1", path="x", trained_on=TaskSettings(name="jsonl", data=data))
    found = asked(run)
    assert [problem.id for problem in found.problems] == [problem.id for problem in asked(split="test").problems]
    assert found.settings == asked(split="test").settings
    assert "only the 3 test problems of 40 are asked, because agro-s0-1 was trained on others" in found.told
    assert len(asked(run, split="all").problems) == 40
    elsewhere = Candidate(name="agro-s0-1", path="x", trained_on=TaskSettings(name="jsonl", data="other.jsonl"))
    assert len(asked(elsewhere).problems) == 40


def test_what_assigns_splits_is_asked_its_test_split(mine: Path) -> None:
    rows = [json.loads(line) | {"split": "test"} for line in mine.read_text().splitlines()]
    rows[0]["split"] = "train"
    mine.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = asked()
    assert (len(found.problems), found.settings.split, found.told) == (39, "test", "")
    with pytest.raises(HarnessError, match="split=all: the data of jsonl have splits"):
        asked(split="all")
    generated = asked(task=TaskSettings(name="arithmetic", options={"count": 20}))
    assert (generated.settings.split, generated.told) == ("test", "")


@pytest.mark.parametrize("examples", ["few_shot=1", "format=few_shot"])
def test_missing_training_problems_are_reported_before_the_model_loads(
    examples: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("gsm8k_test.jsonl").write_text(json.dumps({"question": "1+2+3=", "answer": "#### 6"}) + "\n")
    monkeypatch.setattr("harness.studies.evals.command.load_policy", lambda *_, **__: pytest.fail("it was loaded"))
    command = ["eval", *MODEL, "--out", str(tmp_path / "out"), "--tasks", "gsm8k", "--data", "."]
    refused([*command, "--set", f"task.{examples}"], "gsm8k_train.jsonl")


def test_a_file_that_was_changed_is_measured_again(tmp_path: Path, mine: Path) -> None:
    command = ["eval", *MODEL, "--tasks", "jsonl", "--data", "mine.jsonl", "--out", str(tmp_path / "out")]
    for lines in (12, 12, 9):
        mine.write_text("".join(mine.read_text().splitlines(keepends=True)[:lines]))
        code, output = harness(*command)
        assert code == 0, output
        assert f"jsonl mine.jsonl, all: {lines} problems" in output
    ((result,),) = EvalStore(tmp_path / "out").read().values()
    assert result.summary.problems == 9


def test_tasks_with_settings_stand_beside_those_without(tmp_path: Path) -> None:
    Path("other.csv").write_text("q,a\n1+2+3=,6\n2+3+4=,9\n")
    own = "jsonl:data=other.csv,prompt=q,answer=a"
    command = ["eval", *MODEL, "--out", str(tmp_path / "out"), "--data", "mine.jsonl", "--tasks", "jsonl"]
    code, output = harness(*command, "--task", own, "--problems", "6")
    assert code == 0, output
    results = [result for (result,) in EvalStore(tmp_path / "out").read().values()]
    assert sorted(result.summary.problems for result in results) == [2, 6]
    assert all(f"--task {own}" in result.command for result in results)
    refused([*command, "--task", own, "--task", own], "names jsonl twice")
    refused([*command, "--task", "jsonl:promt=q"], "'promt'", "'prompt'")
    sentence = refused(["eval", *MODEL, "--out", str(tmp_path / "out"), "--tasks", "jsonl", "--data", "other.csv"])
    assert "other.csv has no column 'prompt'; its columns: q, a; pass --task 'jsonl:prompt=COLUMN," in sentence
