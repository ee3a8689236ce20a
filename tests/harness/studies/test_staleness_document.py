"""The document of a staleness sweep: its lines and points, its notes and its figure."""

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.studies.staleness.plots import staleness_picture
from harness.studies.staleness.sweep import sweep_of
from harness.studies.staleness.tables import as_markdown
from tests.support.results import outcome, records_of, result, suite


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
