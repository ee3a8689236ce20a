"""The command line as users see it. ``test_bad_input.py`` tests what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.config.arguments import parse_seeds
from harness.studies.catalogue.entries import ENTRIES
from tests.support.boards import BASIC_FILES
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.own_objective import EXAMPLE
from tests.support.processes import typed


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
        assert all(one.description.strip() for one in ENTRIES[kind]()), kind


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
        "pass-at-k",
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
    """As a user types it: two objectives, two seeds, tables, MLflow. Then again from MLflow alone."""
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
    for name in BASIC_FILES - {"leaderboard.html"}:  # its links differ
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
    assert "agro solves 0 of 8 problems more often and 0 less often" in " ".join(output.split())
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
    """The import succeeds. Then the objective itself is refused, because it requires something that does not exist."""
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
    """The example of CONTRIBUTING.md, without changes."""
    (tmp_path / "my_module.py").write_text(EXAMPLE)
    done = typed(["run", "--algos", "my_module:MyObjective", "--seeds", "1", *SETTINGS], tmp_path / "runs")
    assert done.code() == 0, done.stderr
    board = json.loads((tmp_path / "runs" / "tiny-arithmetic" / "leaderboard.json").read_text())["boards"][0]
    assert board["rows"][0]["objective"] == "my_module:MyObjective"
