"""The longest run starts first, and the parts of a sweep contain all of it. The estimates are the same everywhere."""

import random

import pytest

from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.scheduling import Alike, Part, longest_first, parse_part
from harness.studies.planning.assumptions import assumptions
from harness.studies.planning.forecast import Forecast
from harness.studies.planning.gpus import GPUS
from tests.support.small import small_config

RUNS = [
    run_config(load_suite("tiny-arithmetic", [("regime", regime)]), algo, seed)
    for regime in ("on_policy", "offline")
    for algo in ("agro", "ppo", "frozen", "rloo")
    for seed in range(5)
]


class Drawn(Alike):
    """An arbitrary length for each run."""

    def hours(self, config: RunConfig) -> float:
        return random.Random(config.run_id).expovariate(1)


@pytest.mark.parametrize("forecaster", [Alike(), Drawn(), Forecast()])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 40, 60])
def test_parts_are_all_runs_once_and_as_long_as_each_other(forecaster: Alike | Forecast, count: int) -> None:
    parts = [Part(number, count).of(RUNS, forecaster) for number in range(1, count + 1)]
    ids = [run.run_id for part in parts for run in part]
    assert sorted(ids) == sorted(run.run_id for run in RUNS)
    loads = [sum(map(forecaster.hours, part)) for part in parts]
    assert max(loads) - min(loads) <= max(map(forecaster.hours, RUNS)) + 1e-9
    for part in parts:
        assert part == [run for run in RUNS if run in part], "not in their order"


def test_parts_do_not_depend_on_how_the_sweep_was_typed() -> None:
    """The parts also do not depend on the machine, because machines share only the command."""
    other = RUNS[::-1]
    for number in (1, 2, 3):
        first, second = (Part(number, 3).of(runs, Forecast()) for runs in (RUNS, other))
        assert {run.run_id for run in first} == {run.run_id for run in second}


@pytest.mark.parametrize("text", ["0/4", "5/4", "a/b", "2", "1/0", "-1/4", "1/4/2", "", "1.5/4", "1/"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(HarnessError, match=r"--part .* give I/N, part I of N"):
        parse_part(text)


def test_a_part() -> None:
    assert parse_part("2/4") == Part(2, 4) and str(parse_part(" 4/4 ")) == "4/4"


def test_longest_first_and_otherwise_as_typed() -> None:
    assert longest_first(RUNS, Alike()) == RUNS
    forecast = Forecast()
    order = longest_first(RUNS, forecast)
    hours = [forecast.hours(run) for run in order]
    assert hours == sorted(hours, reverse=True)
    assert order[0].objective.name == "ppo", "it has a critic, and reads most"
    assert order[-1].objective.name == "frozen", "which never trains"
    assert [run.seed for run in order[:5]] == list(range(5))


def test_an_estimate_is_made_once_for_runs_that_take_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import harness.studies.planning.forecast as module

    made: list[str] = []
    real = module.parts_of
    monkeypatch.setattr(module, "parts_of", lambda config: made.append(config.run_id) or real(config))
    forecast = Forecast()
    runs = [
        small_config("ppo", seed, optimizer__learning_rate=rate) for seed in range(4) for rate in (1e-4, 2e-4, 3e-4)
    ]
    assert len({forecast.hours(run) for run in runs}) == 1 and len(made) == 1
    longer = small_config("ppo", 0, budget={"unit": "completions", "total": 400})
    assert forecast.hours(longer) > 1.5 * forecast.hours(runs[0]) and len(made) == 2
    assert forecast.hours(small_config("ppo", 0, rollout__max_tokens=80)) > forecast.hours(runs[0])
    large = small_config("ppo", 0, compute__micro_batch_tokens=65536)
    assert forecast.gib(large) > 1 and forecast.gib(large) > forecast.gib(runs[0])


def test_a_run_on_an_engine_of_another_package_is_estimated() -> None:
    """Every command that trains asks for the estimate. A failure here would make such an engine useless."""
    built_in = small_config()
    added = built_in.model_copy(update={"compute": built_in.compute.model_copy(update={"engine": "slow"})})
    forecast = Forecast()
    assert forecast.hours(added) == forecast.hours(built_in)
    assert forecast.gib(added) == forecast.gib(built_in)
    assert any("engine slow" in line for line in assumptions(added, GPUS["h100"], 8, 8))
    assert not any("is assumed to be" in line for line in assumptions(built_in, GPUS["h100"], 8, 8))
