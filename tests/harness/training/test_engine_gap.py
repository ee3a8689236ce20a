"""A run whose engine and trainer differ by more than rounding stops, and an old run that ended like this is marked."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.engine_gap import unexplained
from harness.records.events import End, Step
from harness.records.journal import Journal
from harness.records.results import read_results
from harness.report.numbers.board import build
from harness.report.pages.notes import warnings
from harness.rollout.engines.transformers_engine import TransformersEngine
from tests.support.small import SUITE, run_small, small_config, steps


def config(dtype: str, temperature: float = 1.0) -> Any:
    return small_config(model__dtype=dtype, rollout__temperature=temperature)


@pytest.mark.parametrize(
    ("dtype", "temperature", "mean", "most", "right"),
    [
        ("float32", 1.0, 3e-6, 6e-5, True),
        ("float32", 1.0, 1e-4, 0.02, False),
        ("float32", 0.5, 1e-4, 0.019, True),
        ("float32", 2.0, 1e-4, 0.011, False),
        ("bfloat16", 1.0, 0.04, 0.9, True),
        ("bfloat16", 1.0, 0.2, 0.9, False),
        ("float32", 1.0, float("nan"), float("nan"), True),  # the run has diverged, which is another problem
        ("float32", 1.0, None, None, True),  # journals write it like this
    ],
)
def test_the_bound_follows_from_precision_and_temperature(
    dtype: str, temperature: float, mean: float | None, most: float | None, right: bool
) -> None:
    why = unexplained(config(dtype, temperature), {"engine/logp_gap_mean": mean, "engine/logp_gap_max": most})
    assert (why is None) == right
    assert why is None or (dtype in why and "nats" in why)


def test_nothing_is_said_of_steps_that_measured_nothing() -> None:
    assert unexplained(config("float32"), {"train/loss": 1.0}) is None


@pytest.mark.parametrize("offset", [0.0, 0.3], ids=["right", "wrong"])
def test_a_run_stops_before_it_trains_on_what_was_not_sampled_from_it(
    offset: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled = TransformersEngine.generate

    def generate(engine: TransformersEngine, *args: Any, **options: Any) -> Any:
        off = offset if len(args[0]) == 4 else 0.0  # not in the trial, and not in evaluations
        groups = sampled(engine, *args, **options)
        return [tuple(replace(one, logp=tuple(x + off for x in one.logp)) for one in group) for group in groups]

    monkeypatch.setattr(TransformersEngine, "generate", generate)
    if not offset:
        assert run_small(config("float32"), tmp_path) == "finished"
        return
    with pytest.raises(HarnessError, match=r"differ by up to 0\.3 nats per token, which float32 does not explain"):
        run_small(config("float32"), tmp_path)
    assert not steps(tmp_path)


def test_a_run_that_ended_before_there_was_an_alarm_is_marked(small_runs: dict[str, Path], tmp_path: Path) -> None:
    """Tables of correct runs keep their bytes, because nothing is added to them."""
    events = Journal(small_runs["agro"]).read()
    wrong = [
        replace(one, metrics={**one.metrics, "engine/logp_gap_max": 1.4}) if isinstance(one, Step) else one
        for one in events
    ]
    assert isinstance(events[-1], End)
    suite = load_suite(SUITE)
    right, doubted = (build(suite, read_results([each])) for each in (events, wrong))
    assert not [line for line in warnings(right) if "nats" in line]
    (line,) = [line for line in warnings(doubted) if "nats" in line]
    assert "agro" in line and "1.4 nats" in line and "in the numbers" in line
    assert all(run["reason"] == "" for run in json.loads(right.as_json())["runs"].values())
