"""What a script reads from standard output: JSON or a suite file, and nothing else."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app
from tests.support.command_line import SETTINGS
from tests.support.paths import ROOT
from tests.support.small import SUITE

ARCHIVE = str(ROOT / "results" / SUITE / "runs.tar.xz")


def stdout_of(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_leaderboard_is_the_json_that_it_writes(tmp_path: Path) -> None:
    shown = stdout_of("leaderboard", "--suite", SUITE, "--from", ARCHIVE, "--json", "--out", str(tmp_path))
    assert json.loads(shown) == json.loads((tmp_path / SUITE / "leaderboard.json").read_text())


def test_a_comparison_has_its_difference_and_its_problems(tmp_path: Path) -> None:
    options = ["--suite", SUITE, "--from", ARCHIVE, "--regime", "offline", "--out", str(tmp_path)]
    found = json.loads(stdout_of("compare", "agro", "grpo", *options, "--json"))
    assert found["names"] == ["agro", "grpo"]
    ours, theirs = (row["accuracy"]["mean"] for row in found["rows"])
    assert found["difference"]["mean"] == pytest.approx(ours - theirs)
    assert found["gained"]["count"] > found["lost"]["count"] > 0


@pytest.mark.parametrize("kind", ["objectives", "suites", "tasks", "formats", "engines"])
def test_a_list_has_what_the_table_has(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    found = json.loads(stdout_of("list", kind, "--json"))
    assert list(found) == [kind]
    shown = stdout_of("list", kind)
    for one in found[kind]:
        assert one["name"] in shown and one["description"] in shown
    if kind == "objectives":
        fields = {one["name"]: [field["name"] for field in one["fields"]] for one in found[kind]}
        assert "beta" in fields["agro"]


def test_a_plan_has_the_numbers_of_its_tables() -> None:
    plan = ["plan", "--suite", SUITE, "--gpu", "h100", "--algos", "agro,ppo"]
    found = json.loads(stdout_of(*plan, "--devices", "8", "--json"))
    runs = {run["objective"]: run for run in found["runs"]}
    assert list(runs) == ["agro", "ppo"] and all(run["fits"] for run in runs.values())
    for run in runs.values():
        parts = ("beginning", "sampling", "training", "sync", "evaluation", "exchange")
        assert run["seconds"] == pytest.approx(sum(run[f"{part}_seconds"] for part in parts))
        assert 0 < run["bytes"] <= sum(run["bytes_by_item"].values())
    assert [sweep["devices"] for sweep in found["sweeps"]] == [8]
    assert found["sweeps"][0]["seconds"] >= max(run["seconds"] for run in runs.values())
    until = json.loads(stdout_of(*plan, "--until", "decided", "--set", "baseline=ppo", "--max-seeds", "3", "--json"))
    assert [one["points_away"] for one in until["until_decided"]] == [None, 0, 2, 4, 8]


def test_a_plan_that_does_not_fit_has_its_numbers_and_is_refused() -> None:
    plan = ["plan", "--suite", SUITE, "--gpu", "h100", "--algos", "agro", "--memory", "1", "--json"]
    done = CliRunner().invoke(app, plan)
    assert done.exit_code == 2 and "harness: " in done.stderr
    assert [run["fits"] for run in json.loads(done.stdout)["runs"]] == [False]


def test_an_evaluation_is_the_json_that_it_writes(tmp_path: Path) -> None:
    """It says if it is of some problems only. With ``--quiet``, nothing else is printed."""
    model = ["eval", "--model", "embedded:tiny-arithmetic", "--tasks", "arithmetic", "--set", "max_tokens=30"]
    done = CliRunner().invoke(app, [*model, "--limit", "4", "--k", "1", "--json", "-q", "--out", str(tmp_path)])
    assert done.exit_code == 0 and done.stderr == "", done.output
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "evals" / "evals.json").read_text())
    ((result,),) = found.values()
    assert (result["settings"]["problems"], result["summary"]["problems"]) == (4, 4)
    assert "the first 4 problems" in (tmp_path / "evals" / "evals.md").read_text()


def test_trials_and_what_was_taken_of_them(tmp_path: Path) -> None:
    space = "--set=tuning={space: {optimizer.learning_rate: [1e-5, 1e-3]}, validation_problems: 4}"
    found = json.loads(
        stdout_of("tune", "--algos", "agro", "--trials", "2", *SETTINGS, space, "--json", "--out", str(tmp_path))
    )
    (taken,) = [trial for trial in found["trials"] if trial["chosen"]]
    assert len(found["trials"]) == 2 and taken["accuracy"] == max(trial["accuracy"] for trial in found["trials"])
    chosen = found["chosen"]["objectives"]["agro"]["regimes"]["on_policy"]
    assert chosen == {"optimizer": {"learning_rate": taken["settings"]["optimizer.learning_rate"]}}


def test_lags_are_the_json_that_is_written(tmp_path: Path) -> None:
    where = ["--suite", SUITE, "--from", str(ROOT / "results" / SUITE / "runs.tar.xz"), "--out", str(tmp_path)]
    found = json.loads(stdout_of("staleness", *where, "--algos", "agro", "--json"))
    assert found == json.loads((tmp_path / SUITE / "staleness.json").read_text())
    assert [line["arm"] for line in found["lines"]] == ["agro"]


def test_a_dry_run_is_a_suite_with_the_same_runs(tmp_path: Path) -> None:
    """Its comments name the runs and what they need. Nothing is written."""
    out = ["--out", str(tmp_path / "runs")]
    first = stdout_of("run", "--algos", "agro,grpo", "--seeds", "2", *SETTINGS, "--dry-run", *out)
    (tmp_path / "suite.yaml").write_text(first)
    again = stdout_of(
        "run", "--algos", "agro,grpo", "--seeds", "2", "--suite", str(tmp_path / "suite.yaml"), "--dry-run", *out
    )
    runs = [line for line in first.splitlines() if line.startswith("# run ")]
    assert len(runs) == 4
    assert runs == [line for line in again.splitlines() if line.startswith("# run ")]
    assert yaml.safe_load(first) == yaml.safe_load(again)
    for what in ("# time: about ", "# memory: about ", "# disk: per run, up to "):
        assert what in first
    assert not (tmp_path / "runs").exists()
