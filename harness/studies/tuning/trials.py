"""What is tried: the same points of the suite's search space for every objective, and what they reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.stats import qmc

from algorithms import OBJECTIVES
from algorithms.types import hyperparameters
from harness.config.arms import find_objective, run_config, space_of
from harness.config.run_config import RunConfig, SuiteConfig
from harness.config.settings import ArmSettings, TunedSettings
from harness.config.suites import nearest
from harness.errors import HarnessError
from harness.records.journal import Journal
from harness.records.results import read_results

SUFFIX = "-tuning"
"""Trials are a suite of their own, so that no leaderboard shows them."""
JUDGED_AT = (0.9, 1.0)
"""Shares of the budget whose validation accuracies are averaged into a trial's score: one point is noisy."""
DIGITS = 2
"""Of a tried value: what is not told apart need not be written."""
SPARE = 4
"""Points drawn for each that is asked for, as some are the same in so many digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One point for one arm in one regime: a run a seed."""

    arm: str
    regime: str
    settings: dict[str, float]
    """By ``optimizer.NAME`` and ``fields.NAME``."""
    runs: list[RunConfig]


def in_sections(settings: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """``fields.NAME`` and ``optimizer.NAME`` as an arm has them."""
    found: dict[str, dict[str, float]] = {}
    for name, value in settings.items():
        section, _, key = name.partition(".")
        found.setdefault(section, {})[key] = value
    return found


def points(space: Mapping[str, tuple[float, float]], trials: int) -> list[dict[str, float]]:
    """``trials`` settings, spread evenly over the logarithms of the ranges (Halton's sequence): more trials only add.

    No search by results: in the few trials that a sweep affords those begin with random points anyway, and points that
    wait for nothing run side by side, resume, and are the same for every objective.

    Raises:
        HarnessError: the ranges hold fewer points that are told apart.
    """
    lows, highs = np.log(list(space.values())).T
    spread = np.exp(qmc.scale(qmc.Halton(len(space), rng=0).random(SPARE * trials), lows, highs))
    distinct = dict.fromkeys(tuple(float(f"{value:.{DIGITS}g}") for value in point) for point in spread)
    if len(distinct) < trials:
        raise HarnessError(
            f"the ranges of {', '.join(space)} hold {len(distinct)} points of {DIGITS} digits, not {trials}; "
            "widen them, or ask for fewer --trials"
        )
    return [dict(zip(space, point, strict=True)) for point in list(distinct)[:trials]]


def trials_of(suite: SuiteConfig, arm: str, trials: int) -> list[Trial]:
    """All trials of an arm in the suite's regime.

    Raises:
        HarnessError: the arm is wrong, or the suite has nothing to search for it.
    """
    found = []
    for settings in points(_space(suite, arm), trials):
        tried = as_trial(_with(suite, arm, settings))
        runs = [run_config(tried, arm, seed) for seed in suite.tuning.seeds]
        found.append(Trial(arm=arm, regime=suite.regime, settings=settings, runs=runs))
    return found


def refuse_unknown(suite: SuiteConfig, arms: Sequence[str]) -> None:
    """
    Raises:
        HarnessError: ``tuning.space`` names a field that no objective has, of these or of those built in.
    """
    specs = {*OBJECTIVES, *(run_config(suite, arm, 0).objective.objective for arm in arms)}
    known = {key for spec in specs for key in _keys_of(spec)}
    for key in suite.tuning.space:
        if key.startswith("fields.") and key not in known:
            raise HarnessError(f"suite {suite.name}: tuning.space.{key} fits no objective{nearest(key, sorted(known))}")


def as_trial(suite: SuiteConfig) -> SuiteConfig:
    """The suite as a trial sees it: more validation problems, late ones, and next to nothing of the test split."""
    evaluation = suite.evaluation.model_copy(
        update={
            "shares": (0.0, *JUDGED_AT),
            "validation_problems": suite.tuning.validation_problems,
            "test_problems": 1,
            "test_samples": 1,
        }
    )
    return suite.model_copy(update={"name": suite.name + SUFFIX, "evaluation": evaluation})


def score(trial: Trial, directories: Sequence[Path]) -> float | None:
    """Mean validation accuracy over seeds and all points but the start, so ``JUDGED_AT``; None where a run failed."""
    results = read_results(Journal(directory).read() for directory in directories)
    if len(results) < len(directories) or any(result.status != "finished" for result in results):
        return None
    return fmean(point.accuracy for result in results for point in result.curve[1:] or result.curve)


def _space(suite: SuiteConfig, arm: str) -> dict[str, tuple[float, float]]:
    """What is searched for the arm."""
    if not (space := space_of(suite, arm)):
        raise HarnessError(
            f"suite {suite.name} has no tuning.space for {arm}; give one, such as "
            "--set 'tuning.space={optimizer.learning_rate: [1e-5, 1e-3], fields.beta: [0.01, 1]}'"
        )
    return space


def _keys_of(objective: str) -> set[str]:
    """An objective's fields, as a space names them."""
    return {f"fields.{name}" for name in hyperparameters(find_objective(objective))}


def _with(suite: SuiteConfig, arm: str, settings: Mapping[str, float]) -> SuiteConfig:
    """The suite with a point in place of what it sets for the arm, also for its regime."""
    own = suite.objectives.get(arm, ArmSettings())
    here = own.regimes.get(suite.regime, TunedSettings()).model_dump()
    tried = {key: here[key] | in_sections(settings).get(key, {}) for key in here}
    tuned = own.model_copy(update={"regimes": {suite.regime: TunedSettings(**tried)}})
    return suite.model_copy(update={"objectives": suite.objectives | {arm: tuned}})
