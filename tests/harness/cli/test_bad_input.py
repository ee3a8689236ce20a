"""Bad input on the command line gives one sentence and exit code 2, and nothing is lost."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support.command_line import SETTINGS, harness, refused
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
    "task option of a wrong type": (["--set", "task.options.largest=many"], ["largest", "integer", "'many'"]),
    "options that are no mapping": (["--set", "task={name: arithmetic, options: 3}"], ["task.options", "mapping"]),
    "unknown key": (["--set", "optimizer.learning_rat=1"], ["unknown key optimizer.learning_rat,", "'learning_rate'"]),
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
    "constraint beside rewards that bear no penalty": (
        ["--algos", "astar_po", "--set", "objectives.astar_po.constraint={quantity: length, limit: 9}"],
        ["objectives.astar_po.constraint", "no penalty"],
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
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # an address without a hub
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
    refused(["leaderboard", "--suite", "tiny-arithmetic", "--out", str(tmp_path)], "has no runs yet")
    refused(["leaderboard", "--suite", "tiny-arithmetik"], "tiny-arithmetic")
    refused(["leaderboard", "--suite", "tiny-arithmetic", "--regime", "of"], "--regime", "'of'", "stale:STEPS")
    refused(["compare", "agro", "grpo", "--regime", "of"], "--regime", "'of'", "stale:STEPS")
    refused(["sync", "--out", str(tmp_path)], "no runs")
    refused(["list", "objective"], "objectives")
    refused(["make-base", "huge"], "tiny-arithmetic", "tiny-gcd")
    (tmp_path / "file").touch()
    refused(["make-base", "tiny-gcd", "--out", str(tmp_path / "file")], "cannot write", "--out")
    refused(["run", "--algos", "frozen", "--set", "baseline=frozen", "--out", str(tmp_path)], "which is also a control")
    refused(["doctor", "--suite", "tiny-arithmetik"], "tiny-arithmetic")


def test_an_objective_that_requires_what_is_not_computed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["from dataclasses import dataclass", "@dataclass", "class Needy:", "    requires = frozenset({'moon'})"]
    (tmp_path / "needy.py").write_text("\n".join([*lines, "    def loss(self, policy, batch): ..."]))
    monkeypatch.syspath_prepend(str(tmp_path))
    refused(["run", "--algos", "needy:Needy", "--out", str(tmp_path / "out"), *SETTINGS], "moon")
