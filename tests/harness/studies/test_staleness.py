"""The staleness sweep: what a lag means for each arm, which settings it uses, and the whole command."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.config.arms import run_config
from harness.config.run_config import SuiteConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.studies.staleness.lags import in_lag, lag_of, parse_lags, parse_settings, sources, steps_of
from harness.studies.staleness.planning import Asked, plans_of
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.small import history, run_small, small_config

LAGS = (1, 4, 16, 64, 256)


def asked(**changes: Any) -> Asked:
    given = {"arms": ["agro", "ppo"], "lags": LAGS, "unit": "batches", "settings": "nearest", "seeds": [0, 1]}
    return Asked(**{"suite": "tiny-arithmetic", "changes": [], **given, **changes})


def tuned(*lags: int) -> SuiteConfig:
    """A suite with settings for these lags: each has a different beta."""
    regimes = {f"stale:{lag}": {"fields": {"beta": lag / 1000}} for lag in lags}
    arm = {"fields": {"beta": 0.9}, "regimes": regimes | {"offline": {"fields": {"beta": 0.7}}}}
    return load_suite("tiny-arithmetic", [("objectives", {"agro": arm, "rloo": {"like": "agro"}})])


def beta(suite: SuiteConfig, steps: int, settings: str, arm: str = "agro") -> float:
    return float(run_config(in_lag(suite, steps, settings), arm, 0).objective.fields["beta"])


def test_a_lag_in_batches_is_as_many_batches_for_every_arm() -> None:
    runs = [run for plan in plans_of(asked()) for run in plan.runs]
    assert {arm: sorted({lag_of(run) for run in runs if run.objective.name == arm}) for arm in ("agro", "ppo")} == {
        "agro": [0, *LAGS],
        "ppo": [0, *LAGS],
    }
    assert sorted({run.regime_spec.steps for run in runs if run.objective.name == "ppo"}) == [0, 4, 16, 64, 256, 1024]


def test_an_invocation_runs_all_that_it_says_it_planned_and_nothing_else() -> None:
    """A leaderboard calls a run missing if an invocation planned it and it does not exist."""
    for plan in plans_of(asked(arms=["agro", "ppo", "grpo"])):
        planned = plan.invocation.plan
        assert len(plan.runs) == len(planned.algos) * len(planned.regimes) * len(planned.seeds)
        assert len({run.run_id for run in plan.runs}) == len(plan.runs)


def test_lags_between_two_batches_of_an_arm_are_left_out_and_told() -> None:
    agro, ppo = plans_of(asked(unit="steps", lags=(1, 4, 16)))
    assert sorted({run.regime_spec.steps for run in agro.runs}) == [0, 1, 4, 16]
    assert sorted({run.regime_spec.steps for run in ppo.runs}) == [0, 4, 16]
    assert any(
        "ppo takes 4 optimiser steps per batch, so it cannot have a lag of 1 steps" in line for line in ppo.choices
    )
    with pytest.raises(HarnessError, match="ppo cannot have any of the lags 1, 2"):
        plans_of(asked(unit="steps", lags=(1, 2)))


def test_a_sweep_in_steps_meets_the_runs_of_harness_run() -> None:
    """If the suite has settings for a regime, the sweep continues the runs of ``harness run``."""
    ours = {run.run_id for plan in plans_of(asked(unit="steps", lags=(16,))) for run in plan.runs}
    for regime in ("on_policy", "stale:16"):
        usual = load_suite("tiny-arithmetic", [("regime", regime)])
        assert {run_config(usual, arm, 0).run_id for arm in ("agro", "ppo")} <= ours


@pytest.mark.parametrize(
    ("lags", "steps", "taken"),
    [
        ((16,), 0, "on_policy"),
        ((16,), 1, "stale:16"),
        ((16,), 1024, "stale:16"),
        ((4, 64), 8, "stale:4"),
        ((4, 64), 16, "stale:64"),  # equally near, so the older one
        ((4, 64), 32, "stale:64"),
        ((4, 64), 4, "stale:4"),
        ((), 16, "on_policy"),
    ],
)
def test_an_arm_takes_the_settings_of_the_nearest_lag(lags: tuple[int, ...], steps: int, taken: str) -> None:
    expected = 0.9 if taken == "on_policy" else int(taken.partition(":")[2]) / 1000
    for arm in ("agro", "rloo"):  # an arm like another one, in every regime
        assert beta(tuned(*lags), steps, "nearest", arm) == expected
        assert sources(tuned(*lags), arm, steps, "nearest") == [taken]


@pytest.mark.parametrize("arm", ["agro", "rloo"])
def test_settings_can_be_a_regimes_own_or_one_regimes_at_every_lag(arm: str) -> None:
    suite = tuned(4, 16)
    assert [beta(suite, steps, "own", arm) for steps in (0, 1, 4, 16, 64)] == [0.9, 0.9, 0.004, 0.016, 0.9]
    for regime, expected in (("on_policy", 0.9), ("stale:16", 0.016), ("offline", 0.7)):
        assert {beta(suite, steps, regime, arm) for steps in (0, 1, 4, 16, 64)} == {expected}


def test_what_is_typed_holds_at_every_lag() -> None:
    plans = plans_of(asked(changes=[("optimizer.learning_rate", 7e-5)]))
    assert {run.optimizer.learning_rate for plan in plans for run in plan.runs} == {7e-5}


def test_the_number_of_updates_may_be_a_regimes_own() -> None:
    arm = {"regimes": {"stale:16": {"optimizer": {"updates_per_rollout": 2}}}}
    suite = load_suite("tiny-arithmetic", [("objectives", {"agro": arm})])
    assert steps_of(suite, "agro", 3, "batches", "nearest") == 6
    arm = {"regimes": {"stale:4": {"optimizer": {"updates_per_rollout": 2}}}}
    suite = load_suite("tiny-arithmetic", [("objectives", {"agro": arm})])
    with pytest.raises(HarnessError, match="updates_per_rollout"):  # 4 batches are 8 steps; elsewhere they are 4
        steps_of(suite, "agro", 4, "batches", "own")


def test_lags_past_the_end_of_the_run_are_one_training_and_are_run_once() -> None:
    plans_of(asked(lags=(64, 256)))
    with pytest.raises(HarnessError, match=r"agro has 80 batches.* 79 and 256 give the same training"):
        plans_of(asked(lags=(1, 79, 256)))
    with pytest.raises(HarnessError, match="ppo has 80 batches"):
        plans_of(asked(arms=["ppo"], lags=(100, 256)))
    plans_of(asked(lags=(100, 256), changes=[("budget", {"unit": "seconds", "total": 9})]))  # nobody can know


@pytest.mark.parametrize("text", ["", "0", "-1", "1,1", "1,x", "1.5"])
def test_wrong_lags_are_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="--lags"):
        parse_lags(text)


def test_other_bad_input_is_one_sentence(tmp_path: Path) -> None:
    base = ["staleness", "--out", str(tmp_path)]
    refused([*base], "--algos", "--from")
    refused([*base, "--algos", "agro", "--in", "epochs"], "--in", "batches or steps")
    refused([*base, "--algos", "agro", "--settings", "tuned"], "--settings", "nearest")
    trained = ("--set=seeds=2", "--executor=ray", "--devices=cpu:2", "--workers=2", "--anyway", "--tracking-uri=x")
    for option in trained:
        refused([*base, "--from", "runs.tar.xz", option], "--from", "remove")
    refused([*base, "--from", str(tmp_path / "runs.tar.xz")], "runs.tar.xz")
    assert parse_settings("stale:0") == "on_policy"


SHORT: dict[str, Any] = {"budget": {"unit": "completions", "total": 48}, "evaluation.shares": [0, 1]}
"""Three batches."""


def test_the_whole_way_and_again_from_an_archive_and_from_mlflow(tmp_path: Path, empty_store: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(empty_store, out)
    changes = [*SETTINGS, *(f"--set={key}={json.dumps(value)}" for key, value in SHORT.items())]
    command = ["staleness", "--algos", "agro", "--lags", "1", "--seeds", "0,", "--workers", "1", "--out", str(out)]
    code, output = harness(*command, *changes)
    assert code == 0, output
    assert "agro uses the settings for stale:16" in output
    assert len(list(out.glob("*/runs/*/journal.jsonl"))) == 2
    assert harness("export", "--suite", "tiny-arithmetic", "--out", str(out))[0] == 0
    for name, source in (
        ("archive", str(out / "tiny-arithmetic" / "runs.tar.xz")),
        ("store", f"sqlite:///{out / 'mlflow.db'}"),
    ):
        code, output = harness("staleness", "--from", source, "--out", str(tmp_path / name))
        assert code == 0, output
        for file in ("staleness.md", "staleness.json", "staleness.html", "staleness.png"):
            again = tmp_path / name / "tiny-arithmetic" / file
            assert again.read_bytes() == (out / "tiny-arithmetic" / file).read_bytes(), (name, file)


def test_from_the_length_of_a_run_on_every_lag_is_the_same_training(tmp_path: Path) -> None:
    changes = {key.replace(".", "__"): value for key, value in SHORT.items()}
    for lag in (2, 7):
        run_small(small_config(regime=f"stale:{lag}", objectives={}, **changes), tmp_path / str(lag))
    end, past = (history(tmp_path / lag)[1:] for lag in ("2", "7"))
    assert end == past
