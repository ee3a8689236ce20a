"""The command line as its users meet it: bad input is one sentence and exit code 2, and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from harness.config.arguments import parse_seeds
from harness.report.pages.writing import FILES
from harness.studies.catalogue import CATALOGUE
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.own_objective import EXAMPLE
from tests.support.processes import typed
from tests.support.small import run_small, small_config

PLAN_ERRORS = {
    "unknown objective": (["--algos", "argo"], ["'argo'", "agro"]),
    "objective twice": (["--algos", "agro,agro"], ["twice"]),
    "own objective missing": (["--algos", "no_such_module:X"], ["no_such_module"]),
    "unknown suite": (["--suite", "tiny-arithmetik"], ["tiny-arithmetic"]),
    "suite file missing": (["--suite", "missing.yaml"], ["missing.yaml"]),
    "unknown task": (["--set", "task.name=arithmetics"], ["arithmetic"]),
    "unknown task option": (["--set", "task.options.largst=3"], ["largst", "largest"]),
    "task option out of range": (["--set", "task.options.largest=0"], ["largest"]),
    "unknown key": (["--set", "optimizer.learning_rat=1"], ["optimizer.learning_rat", "optimizer.learning_rate"]),
    "unknown field": (["--set", "objectives.agro.fields.bta=1"], ["'bta'", "beta"]),
    "field of a wrong type": (["--set", "objectives.agro.fields.beta=much"], ["beta", "much"]),
    "field out of range": (["--set", "objectives.agro.fields.beta=-1"], ["beta", "-1"]),
    "wrong type": (["--set", "rollout.prompts=many"], ["rollout.prompts", "many"]),
    "value for a section": (["--set", "rollout.prompts.x=1"], ["rollout.prompts"]),
    "malformed change": (["--set", "rollout"], ["KEY=VALUE"]),
    "negative budget": (["--budget", "completions=-5"], ["budget.total", "-5"]),
    "budget below one step": (["--budget", "completions=10"], ["10 completions", "one rollout batch", "16"]),
    "unknown unit": (["--budget", "tokens=100"], ["budget.unit", "tokens", "sampled_tokens"]),
    "malformed budget": (["--budget", "completions"], ["UNIT=TOTAL"]),
    "infinite budget": (["--budget", "completions=inf"], ["budget.total"]),
    "group of one": (["--set", "rollout.group_size=1"], ["group_size", "2 or more"]),
    "bad seeds": (["--seeds", "x"], ["--seeds"]),
    "negative seed": (["--seeds", "0,-1"], ["--seeds"]),
    "unknown engine": (["--engine", "vlm"], ["compute.engine", "vlm"]),
    "unknown regime": (["--regime", "off"], ["regime", "'off'", "stale:STEPS"]),
    "regime twice": (["--regime", "stale:0", "--regime", "on_policy"], ["twice"]),
    "staleness between batches": (
        ["--regime", "stale:3", "--set", "optimizer.updates_per_rollout=2"],
        ["stale:3", "updates_per_rollout=2"],
    ),
    "buffer too small": (["--regime", "replay:4,0.5"], ["replay:4,0.5", "fewer"]),
    "endless offline": (["--regime", "offline", "--budget", "sampled_tokens=900"], ["sampled_tokens", "another unit"]),
    "half a group offline": (["--set", "rollout.offline_completions=18"], ["18", "group_size=4"]),
    "half an epoch": (
        ["--set", "optimizer.updates_per_rollout=3", "--set", "optimizer.minibatches=2"],
        ["updates_per_rollout=3", "minibatches=2"],
    ),
    "more minibatches than prompts": (
        ["--set", "optimizer.updates_per_rollout=5", "--set", "optimizer.minibatches=5"],
        ["minibatches=5", "prompts=4"],
    ),
    "unknown control": (["--algos", "froze"], ["'froze'", "frozen"]),
    "constraint below zero": (
        ["--set", "objectives.agro.constraint={quantity: length, limit: -1}"],
        ["objectives.agro.constraint", "limit", "-1"],
    ),
    "robust within less than nothing": (
        ["--set", "objectives.agro.robust={kind: kl, radius: -1}"],
        ["objectives.agro.robust", "radius", "-1"],
    ),
    "robust in no known way": (
        ["--set", "objectives.agro.robust={kind: kll, radius: 1}"],
        ["robust.kind", "cvar"],
    ),
    "two corrections of one engine": (
        ["--set", "optimizer.icepop=[0.5, 5]", "--set", "optimizer.importance_cap=2"],
        ["importance_cap and icepop", "null"],
    ),
    "unknown constraint": (["--set", "objectives.agro.constrant.limit=1"], ["constrant", "constraint"]),
    "KL constraint on old completions": (
        ["--regime", "offline", "--set", "objectives.agro.constraint={quantity: kl, limit: 1}"],
        ["constraint", "offline", "limit the length"],
    ),
    "learning rate of zero": (["--set", "optimizer.learning_rate=0"], ["optimizer.learning_rate"]),
    "data for a generated task": (["--data", "x.jsonl"], ["generates its problems"]),
    "model missing": (["--model", "./no/such/model"], ["./no/such/model"]),
    "gguf missing": (["--model", "no.gguf"], ["no.gguf"]),
    "embedded model unknown": (["--model", "embedded:huge"], ["embedded:tiny-arithmetic"]),
}


@pytest.mark.parametrize("case", PLAN_ERRORS)
def test_bad_input_is_one_sentence(case: str, tmp_path: Path) -> None:
    arguments, expected = PLAN_ERRORS[case]
    refused(["run", "--algos", "agro", "--out", str(tmp_path), *SETTINGS, *arguments], *expected)
    assert not list(tmp_path.glob("*/runs/*/journal.jsonl"))


def jsonl(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines))
    return str(path)


def test_bad_data_and_models_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # no hub in reach
    good = '{"prompt": "1+1=", "answer": "2"}'
    run = [
        "run",
        "--algos",
        "agro",
        "--out",
        str(tmp_path / "out"),
        *SETTINGS,
        "--set",
        "task.name=jsonl",
        "--set=task.options={}",
    ]
    refused([*run, "--data", str(tmp_path / "none.jsonl")], "none.jsonl")
    refused([*run, "--data", jsonl(tmp_path / "empty.jsonl")], "empty.jsonl")
    refused([*run, "--data", jsonl(tmp_path / "bad.jsonl", good, "{")], "bad.jsonl:2")
    refused([*run, "--data", jsonl(tmp_path / "field.jsonl", good, '{"prompt": "x"}')], "field.jsonl:2", "answer")
    model = ["run", "--algos", "agro", "--out", str(tmp_path / "out"), *SETTINGS, "--model"]
    (tmp_path / "not-a-model").mkdir()
    refused([*model, str(tmp_path / "not-a-model")], "config.json")
    refused([*model, "some-org/some-model"], "some-org/some-model", "hub")
    (tmp_path / "junk.gguf").write_bytes(b"junk")
    refused([*model, str(tmp_path / "junk.gguf")], "junk.gguf")


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(["run", "--algos", "agro", "--out", str(tmp_path / "file" / "out"), *SETTINGS], "--out")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_damaged_or_foreign_checkpoint_is_one_sentence_and_is_left_alone(tmp_path: Path) -> None:
    config = small_config("agro")
    run = tmp_path / "tiny-arithmetic" / "runs" / config.run_id
    assert run_small(config, run, should_stop=lambda: True) == "interrupted"
    checkpoint, journal = run / "checkpoint.safetensors", (run / "journal.jsonl").read_bytes()
    command = ["run", "--algos", "agro", "--seeds", "0,", "--out", str(tmp_path), *SETTINGS]

    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    refused(command, "checkpoint.safetensors", "--fresh")
    assert len(checkpoint.read_bytes()) == len(whole) // 2
    save_file({"x": torch.zeros(1)}, checkpoint, {"run_id": "grpo-s0-0000000000"})
    refused(command, "grpo-s0-0000000000", "--fresh")
    assert (run / "journal.jsonl").read_bytes() == journal

    code, output = harness(*command, "--fresh")
    assert code == 0, output


def test_suite_is_checked_as_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [1")
    refused(["run", "--algos", "agro", "--suite", str(tmp_path / "broken.yaml")], "not valid YAML")
    (tmp_path / "list.yaml").write_text("- 1")
    refused(["run", "--algos", "agro", "--suite", str(tmp_path / "list.yaml")], "mapping")


def test_other_commands_refuse_in_one_sentence(tmp_path: Path) -> None:
    refused(["leaderboard", "--suite", "tiny-arithmetic", "--out", str(tmp_path)], "no run of the suite")
    refused(["leaderboard", "--suite", "tiny-arithmetik"], "tiny-arithmetic")
    refused(["leaderboard", "--suite", "tiny-arithmetic", "--regime", "of"], "--regime", "'of'", "stale:STEPS")
    refused(["compare", "agro", "grpo", "--regime", "of"], "--regime", "'of'", "stale:STEPS")
    refused(["sync", "--out", str(tmp_path)], "no runs")
    refused(["list", "objective"], "objectives")
    refused(["make-base", "huge"], "tiny-arithmetic", "tiny-gcd")
    (tmp_path / "file").touch()
    refused(["make-base", "tiny-gcd", "--out", str(tmp_path / "file")], "cannot write", "--out")
    refused(["run", "--algos", "frozen", "--set", "baseline=frozen", "--out", str(tmp_path)], "like frozen, a control")
    refused(["doctor", "--suite", "tiny-arithmetik"], "tiny-arithmetic")


def test_an_objective_that_requires_what_is_not_computed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["from dataclasses import dataclass", "@dataclass", "class Needy:", "    requires = frozenset({'moon'})"]
    (tmp_path / "needy.py").write_text("\n".join([*lines, "    def loss(self, policy, batch): ..."]))
    monkeypatch.syspath_prepend(str(tmp_path))
    refused(["run", "--algos", "needy:Needy", "--out", str(tmp_path / "out"), *SETTINGS], "moon")


def test_list_names_everything() -> None:
    code, output = harness("list")
    assert code == 0
    for name in (
        "agro",
        "grpo",
        "reinforce",
        "rloo",
        "tiny-arithmetic",
        "smollm2-gsm8k",
        "jsonl",
        "answer_line",
        "transformers",
    ):
        assert name in output
    for kind in ("suites", "tasks", "engines"):
        made = CATALOGUE[kind]()
        assert all(meaning.strip() for meaning in made.columns[1].cells), kind  # type: ignore[union-attr]


def test_doctor_shows_the_prompt_as_the_model_sees_it() -> None:
    code, output = harness("doctor", "--suite", "tiny-arithmetic")
    assert code == 0
    assert "333,984 parameters" in output
    assert "prompt ids" in output


@pytest.mark.parametrize(("text", "seeds"), [("3", [0, 1, 2]), ("0,1,7", [0, 1, 7]), ("4,", [4])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


def test_help_names_the_commands() -> None:
    code, output = harness("--help")
    assert code == 0
    for name in (
        "run",
        "tune",
        "staleness",
        "replicate",
        "leaderboard",
        "compare",
        "export",
        "eval",
        "tabular",
        "list",
        "doctor",
        "sync",
    ):
        assert name in output
    assert "make-base" in output


def test_the_whole_way_from_the_command_to_the_table(tmp_path: Path) -> None:
    """As a user types it: two objectives, two seeds, tables, MLflow; then again from MLflow alone."""
    command = [sys.executable, "-m", "harness.cli"]
    out = str(tmp_path / "out")
    done = subprocess.run(
        [*command, "run", "--algos", "agro,rloo", "--seeds", "2", "--out", out, *SETTINGS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr
    assert "mlflow ui --backend-store-uri sqlite:///" in done.stdout
    assert "Traceback" not in done.stderr
    folder = tmp_path / "out" / "tiny-arithmetic"
    board = json.loads((folder / "leaderboard.json").read_text())["boards"][0]
    assert [row["objective"] for row in board["rows"]] == ["agro"]
    assert [row["objective"] for row in board["controls"]] == ["rloo"]
    assert board["same_as_agro"] == {"seeds": 2, "same": 2}
    assert board["rows"][0]["accuracy"] == board["controls"][0]["accuracy"]
    assert (folder / "learning-curves.png").read_bytes().startswith(b"\x89PNG")

    (folder / "runs").rename(tmp_path / "elsewhere")
    rebuilt = ["leaderboard", "--suite", "tiny-arithmetic", "--out", str(tmp_path / "again")]
    code, output = harness(*rebuilt, "--from", f"sqlite:///{out}/mlflow.db")
    assert code == 0, output
    for name in set(FILES) - {"leaderboard.html", "regimes.png"}:
        assert (tmp_path / "again" / "tiny-arithmetic" / name).read_bytes() == (folder / name).read_bytes()

    store = ["--from", f"sqlite:///{out}/mlflow.db", "--out", str(tmp_path / "third")]
    part = ["leaderboard", "--suite", "tiny-arithmetic", "--algos", "rloo", "--seeds", "1,", "--baseline", "rloo"]
    code, output = harness(*part, "--budget", "completions=100", *store)
    assert code == 0, output
    (rows,) = json.loads((tmp_path / "third" / "tiny-arithmetic" / "leaderboard.json").read_text())["boards"]
    assert ([row["objective"] for row in rows["rows"]], rows["rows"][0]["seeds"]) == (["rloo"], [1])
    refused([*part, "--budget", "completions=7", *store], "rloo")
    code, output = harness("compare", "agro", "rloo", *store)
    assert code == 0, output
    assert "Of 8 problems agro solves 0 more often and 0 less often" in " ".join(output.split())
    refused(["compare", "agro", "agro", *store], "agro", "twice")
    refused(["compare", "agro", "grpo", *store], "'grpo'", "agro, rloo")
    refused(["leaderboard", "--suite", "smollm2-gsm8k", *store], "no runs of the suite")


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--seeds", "1"],
        ["tune", "--trials", "1"],
        ["plan", "--suite", "tiny-arithmetic", "--gpu", "t4"],
        ["tabular", "--problems", "2"],
    ],
    ids=lambda command: command[0],
)
def test_every_command_finds_ones_own_objective_where_it_is_typed(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is imported, and what is refused then is the objective itself: it requires what nobody computes."""
    name = f"found_by_{command[0]}"
    source = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Needy:\n"
    source += "    requires = frozenset({'moon'})\n    def loss(self, policy, batch): ...\n"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    if command[0] == "tune":
        command = [*command[:3], "--set", "tuning.space={optimizer.learning_rate: [1e-5, 1e-3]}"]
    refused([command[0], "--algos", f"{name}:Needy", *command[1:]], "moon")


def test_ones_own_objective_runs_from_a_file_outside(tmp_path: Path) -> None:
    """The example of CONTRIBUTING.md, as it stands there."""
    (tmp_path / "my_module.py").write_text(EXAMPLE)
    done = typed(["run", "--algos", "my_module:MyObjective", "--seeds", "1", *SETTINGS], tmp_path / "runs")
    assert done.code() == 0, done.stderr
    board = json.loads((tmp_path / "runs" / "tiny-arithmetic" / "leaderboard.json").read_text())["boards"][0]
    assert board["rows"][0]["objective"] == "my_module:MyObjective"
