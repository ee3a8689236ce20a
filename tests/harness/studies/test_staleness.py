"""The staleness sweep: what a lag means for each arm, which settings it uses, and the figure of the runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from harness.config.arms import run_config
from harness.config.run_config import SuiteConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.studies.staleness.lags import in_lag, lag_of, parse_lags, parse_settings, sources, steps_of
from harness.studies.staleness.planning import Asked, plans_of
from harness.studies.staleness.plots import staleness_picture
from harness.studies.staleness.sweep import sweep_of
from harness.studies.staleness.tables import as_markdown
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.results import outcome, records_of, result, suite
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
    for option in ("--set=seeds=2", "--executor=ray", "--devices=cpu:2", "--workers=2"):
        refused([*base, "--from", "runs.tar.xz", option], "--from", "remove")
    refused([*base, "--from", str(tmp_path / "runs.tar.xz")], "runs.tar.xz")
    assert parse_settings("stale:0") == "on_policy"


def results(small_runs: dict[str, Path], *places: tuple[str, str, int], **config: Any) -> list[RunResult]:
    """The runs of one journal, as if they had these arms, regimes and seeds."""
    records = records_of(small_runs, "agro")
    return [
        result(records, **{"objective__name": arm, "regime": regime, "seed": seed, **config})
        for arm, regime, seed in places
    ]


def test_points_are_counted_both_ways_and_what_is_not_there_is_told(small_runs: dict[str, Path]) -> None:
    runs = results(small_runs, *((("a"), f"stale:{lag}", seed) for lag in (0, 2, 5) for seed in (0, 1, 2)))
    runs += results(small_runs, ("b", "stale:4", 0), optimizer__updates_per_rollout=2, optimizer__minibatches=1)
    found = sweep_of(suite(), runs, "batches")
    assert [(p.batches, p.steps, len(p.seeds)) for line in found.lines for p in line.points] == [
        (0, 0, 3),
        (2, 2, 3),
        (5, 5, 3),
        (2, 4, 1),
    ]
    a = found.lines[0].points
    assert [p.trained for p in a] == [6, 6, 6]
    assert [p.age for p in a] == [0, pytest.approx((0 + 1 + 2 * 4) / 6), pytest.approx(15 / 6)]
    assert [p.of_start for p in a] == [False, False, True]
    text = as_markdown(found)
    assert "| objective | fresh | 2 | 5 |" in text
    assert "* The lag is at least as long as a run of 3, 6 batches" in text
    assert "– There is no run at that lag" in text  # b has neither fresh runs nor a lag of 5
    assert "| a | – | 37.5" not in text
    in_steps = as_markdown(sweep_of(suite(), runs, "steps", lags=(4, 7)))
    assert "| objective | fresh | 4 | 7 |" in in_steps
    with pytest.raises(HarnessError, match="has a lag of 9 batches"):
        sweep_of(suite(), runs, "batches", lags=(9,))


def test_two_settings_at_one_lag_are_two_lines_and_changing_ones_are_told(small_runs: dict[str, Path]) -> None:
    places = [("a", f"stale:{lag}", seed) for lag in (1, 2) for seed in (0, 1)]
    weak = results(small_runs, *places)
    strong = results(small_runs, *places[:2], objective__fields__beta=0.4)
    assert len(sweep_of(suite(), weak + strong, "batches").lines) == 2
    (line,) = sweep_of(suite(), strong + weak[2:], "batches").lines
    assert [point.settings["fields"]["beta"] for point in line.points] == [0.4, weak[0].config.objective.fields["beta"]]
    assert "has different settings at different lags" in as_markdown(sweep_of(suite(), strong + weak[2:], "batches"))
    assert "has different settings" not in as_markdown(sweep_of(suite(), weak, "batches"))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("objective__robust", {"kind": "cvar", "radius": 1.0}, "robust"),
        ("objective__constraint", {"quantity": "length", "limit": 9.0, "rate": 0.1, "damping": 0.1}, "constraint"),
        ("objective__control", "random_reward", "control"),
        ("objective__fields__beta", 0.4, "fields"),
        ("optimizer__optimism", 0.5, "optimizer"),
    ],
)
def test_whatever_tells_two_runs_apart_is_a_line_of_its_own(
    small_runs: dict[str, Path], key: str, value: Any, told: str
) -> None:
    """The mean of two arms would be the mean of neither."""
    places = [("a", "stale:1", seed) for seed in (0, 1)]
    plain, other = results(small_runs, *places), results(small_runs, *places, **{key: value})
    lines = sweep_of(suite(), plain + other, "batches").lines
    assert [len(line.points[0].seeds) for line in lines] == [2, 2]
    assert (
        len({json.dumps(line.points[0].settings[told]) if told in line.points[0].settings else "" for line in lines})
        == 2
    )


def test_runs_from_before_a_field_was_there_are_of_the_same_line(small_runs: dict[str, Path]) -> None:
    """They also have the same id."""
    old = records_of(small_runs, "grpo")
    runs = [result(old, regime="stale:1", seed=0)]
    del old[0]["config"]["objective"]["fields"]["delta"]
    runs.append(result(old, regime="stale:1", seed=1))
    (line,) = sweep_of(suite(), runs, "batches").lines
    assert line.points[0].seeds == (0, 1)


def test_planned_and_failed_runs_are_counted_beside_the_mean(small_runs: dict[str, Path]) -> None:
    runs = results(small_runs, *(("a", "stale:1", seed) for seed in (0, 1)))
    planned = [run.config for run in results(small_runs, *(("a", f"stale:{lag}", 5) for lag in (1, 2)))]
    found = sweep_of(suite(), runs, "batches", planned=planned)
    assert [(p.seeds, p.missing) for p in found.lines[0].points] == [((0, 1), (5,)), ((), (5,))]
    assert "(1 missing)" in as_markdown(found)
    drawn(found)


def test_runs_that_collapsed_are_counted_and_named(small_runs: dict[str, Path]) -> None:
    ends, records = {1: [70, 71, 3, 70, 72], 2: [0, 1, 0], 3: [60, 60, 61]}, records_of(small_runs, "agro")
    runs = [
        result(outcome(records, right), objective__name="a", regime=f"stale:{lag}", seed=seed)
        for lag, reached in ends.items()
        for seed, right in enumerate(reached)
    ]
    found = sweep_of(suite(), runs, "batches")
    assert [[run.seed for run in point.spread.collapsed] for point in found.lines[0].points if point.spread] == [
        [2],
        [0, 1, 2],
        [],
    ]
    text = as_markdown(found)
    assert text.count("(1 collapsed)") == text.count("(3 collapsed)") == 2  # in the table and among all points
    assert "a, lag 1: 1 of 5 runs collapsed (seed 2 at 3.0 %; the median run reached 70.0 %)" in text
    assert "a, lag 2: all 3 runs collapsed, from 40.0 % before training to between 0.0 and 1.0 % after it" in text
    assert "a, lag 3" not in text
    drawn(found)


def test_the_figure_has_a_logarithmic_axis_a_line_an_arm_and_intervals(small_runs: dict[str, Path]) -> None:
    places = [(arm, f"stale:{lag}", seed) for arm in "ab" for lag in (0, 1, 4) for seed in (0, 1, 2)]
    same = drawn(sweep_of(suite(), results(small_runs, *places), "batches"))
    fresh, axes = same.axes
    assert [label.get_text() for label in fresh.get_xticklabels()] == ["fresh"]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4"]
    assert {"a", "b"} <= set(axes.get_legend_handles_labels()[1])
    assert len(axes.collections) == 4  # one interval each, from three seeds
    more = results(small_runs, ("c", "stale:4", 0), optimizer__updates_per_rollout=2, optimizer__minibatches=1)
    both = drawn(sweep_of(suite(), results(small_runs, *places) + more, "batches"))
    assert [axes.get_xlabel() for axes in both.axes] == ["", "lag, batches", "lag, optimiser steps"]


def drawn(found: Any) -> Figure:
    figure = staleness_picture(found)
    figure.canvas.draw()
    return figure


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
