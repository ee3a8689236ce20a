"""Budgets in seconds: steps are predicted from the time of steps, whatever else took time once."""

import time
from collections.abc import Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

import harness.training.state
from harness.rollout.groups import Group
from harness.training.sampler import BudgetedSampler
from harness.training.state import RunState
from harness.training.update import update
from tests.support.small import journal_of, run_small, small_config, steps

SAMPLING, TRAINING, SCORING = 3.0, 1.0, 60.0
"""Seconds of a batch, of a step, and of the scores of a fixed set."""


class Clock:
    """Each look at this clock takes a twentieth of a second, however busy the machine is."""

    now = 0.0
    tick = 0.05
    time = staticmethod(time.time)

    def perf_counter(self) -> float:
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that measures the seconds of a run."""
    ticking = Clock()
    monkeypatch.setattr(harness.training.state, "time", ticking)
    return ticking


def test_a_budget_of_seconds_is_kept_by_a_stale_run(clock: Clock, tmp_path: Path) -> None:
    config = replace_budget(small_config(regime="stale:2"), 2.0)
    run_small(config, tmp_path)
    records = journal_of(tmp_path)
    seconds = [record["clock"]["seconds"] for record in records if record["event"] == "step"]
    assert records[-1]["status"] == "finished"
    assert len(seconds) > 2
    assert seconds[-1] < 2.0 + 2 * max(b - a for a, b in pairwise(seconds))


def test_completions_that_wait_when_the_seconds_run_out_are_discarded(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = 3.0
    config = replace_budget(small_config(regime="stale:2"), total)

    def slow(run: RunState, groups: Sequence[Group]) -> dict[str, float]:
        if run.iteration == 1:
            clock.now += total  # nothing predicts this, so two batches wait
        return update(run, groups)

    monkeypatch.setattr("harness.training.loop.update", slow)
    run_small(config, tmp_path)
    end = journal_of(tmp_path)[-1]
    assert end["status"] == "finished"
    assert len(steps(tmp_path)) == 2
    assert end["spent"]["discarded_completions"] == 2 * config.rollout.prompts * config.rollout.group_size


def replace_budget(config: Any, seconds: float) -> Any:
    return config.model_copy(update={"budget": config.budget.model_copy(update={"unit": "seconds", "total": seconds})})


@pytest.fixture
def costly(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock on which each batch, each step, and the scores of a fixed set take a certain time."""
    sample, score = BudgetedSampler._graded, BudgetedSampler._scored
    monkeypatch.setattr(clock, "tick", 0.0)

    def graded(self: BudgetedSampler, *arguments: Any, **options: Any) -> list[Group]:
        with self._run.timed("sampling"):
            clock.now += SAMPLING
        return sample(self, *arguments, **options)

    def scored(self: BudgetedSampler, groups: Sequence[Group]) -> list[Group]:
        if self._run.fixed:
            with self._run.timed("training"):
                clock.now += SCORING
        return score(self, groups)

    def trained(run: RunState, groups: Sequence[Group]) -> dict[str, float]:
        clock.now += TRAINING
        return update(run, groups)

    monkeypatch.setattr(BudgetedSampler, "_graded", graded)
    monkeypatch.setattr(BudgetedSampler, "_scored", scored)
    monkeypatch.setattr("harness.training.loop.update", trained)
    return clock


SMALL = {"rollout__prompts": 1, "rollout__group_size": 2, "evaluation__shares": [0], "rollout__offline_completions": 16}


@pytest.mark.parametrize(
    ("regime", "number"),
    [("on_policy", 25), ("stale:4", 25), ("stale:16", 25), ("offline", 40)],
    ids=["on_policy", "stale:4", "stale:16", "offline"],
)
def test_a_budget_is_used_up(regime: str, number: int, costly: Clock, tmp_path: Path) -> None:
    """Each step costs 4 s of 100 s. The first batches of a stale run, or the scores of a fixed set, cost more."""
    run_small(replace_budget(small_config(regime=regime, **SMALL), 100.0), tmp_path)
    records = journal_of(tmp_path)
    assert number - 1 <= len(steps(tmp_path)) <= number  # sampling of the fixed set takes real time
    assert number * TRAINING < records[-1]["clock"]["seconds"] <= 100
    assert records[-1]["spent"]["discarded_completions"] == 0


def test_scores_of_a_fixed_set_are_paid_for_once(costly: Clock, tmp_path: Path) -> None:
    config = small_config(regime="offline", **SMALL | {"evaluation__shares": [0, 0.1, 0.2]})  # there it resumes
    run_small(config, tmp_path / "runs" / "whole")
    for left in (6, 7, None):
        stops = iter(range(left)) if left else count()
        run_small(config, tmp_path / "runs" / "torn", should_stop=lambda stops=stops: next(stops, None) is None)
    whole, torn = (journal_of(tmp_path / "runs" / name)[-1]["clock"]["seconds"] for name in ("whole", "torn"))
    assert torn == pytest.approx(whole, abs=1)
