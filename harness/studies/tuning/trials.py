"""Trials: the same points of the suite's search space for every objective, and their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.stats import qmc

from algorithms import OBJECTIVES
from algorithms.types import hyperparameters
from harness.config.arm_settings import ArmSettings, TunedSettings
from harness.config.arms import find_objective, run_config, space_of
from harness.config.run_config import RunConfig, SuiteConfig
from harness.config.suites import nearest
from harness.errors import HarnessError
from harness.records.journal import Journal
from harness.records.results import read_results

SUFFIX = "-tuning"
"""Trials belong to a suite of their own, so that no leaderboard shows them."""
JUDGED_AT = (0.9, 1.0)
"""The score of a trial is the mean validation accuracy at these shares of the budget. A single point is too noisy."""
DIGITS = 2
"""The number of digits of a tried value. More digits make no difference."""
SPARE = 4
"""The number of points drawn per requested trial, because some points coincide after rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One point for one arm in one regime, with one run per seed."""

    arm: str
    regime: str
    settings: dict[str, float]
    """Values by ``optimizer.NAME`` and ``fields.NAME``."""
    runs: list[RunConfig]


def in_sections(settings: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """``fields.NAME`` and ``optimizer.NAME`` in the structure of an arm's settings."""
    found: dict[str, dict[str, float]] = {}
    for name, value in settings.items():
        section, _, key = name.partition(".")
        found.setdefault(section, {})[key] = value
    return found


def points(space: Mapping[str, tuple[float, float]], trials: int) -> list[dict[str, float]]:
    """``trials`` settings from Halton's sequence, evenly spread over the logarithms of the ranges.

    More trials add points and keep the existing ones. The points do not depend on results. An adaptive search starts
    with random points too, which are most of the few trials that one can afford. Fixed points can run in parallel, can
    be resumed, and are the same for every objective.

    Raises:
        HarnessError: the ranges contain fewer than ``trials`` distinct points.
    """
    lows, highs = np.log(list(space.values())).T
    spread = np.exp(qmc.scale(qmc.Halton(len(space), rng=0).random(SPARE * trials), lows, highs))
    distinct = dict.fromkeys(tuple(float(f"{value:.{DIGITS}g}") for value in point) for point in spread)
    if len(distinct) < trials:
        raise HarnessError(
            f"the ranges of {', '.join(space)} contain {len(distinct)} points with {DIGITS} digits, not {trials}; "
            "use wider ranges or fewer --trials"
        )
    return [dict(zip(space, point, strict=True)) for point in list(distinct)[:trials]]


def trials_of(suite: SuiteConfig, arm: str, trials: int) -> list[Trial]:
    """All trials of an arm in the suite's regime.

    Raises:
        HarnessError: the arm is wrong, or the suite has no search space for it.
    """
    found = []
    for settings in points(_space(suite, arm), trials):
        tried = as_trial(_with(suite, arm, settings))
        runs = [run_config(tried, arm, seed) for seed in suite.tuning.seeds]
        found.append(Trial(arm=arm, regime=suite.regime, settings=settings, runs=runs))
    return found


def refuse_unknown(suite: SuiteConfig, arms: Sequence[str]) -> None:
    """Refuse a search space with unknown fields.

    Raises:
        HarnessError: ``tuning.space`` names a field that no objective has, neither one of these nor a built-in one.
    """
    specs = {*OBJECTIVES, *(run_config(suite, arm, 0).objective.objective for arm in arms)}
    known = {key for spec in specs for key in _keys_of(spec)}
    for key in suite.tuning.space:
        if key.startswith("fields.") and key not in known:
            raise HarnessError(
                f"suite {suite.name}: no objective has the field of tuning.space.{key}{nearest(key, sorted(known))}"
            )


def as_trial(suite: SuiteConfig) -> SuiteConfig:
    """The suite for a trial: more validation problems, late validations, and a minimal test evaluation."""
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
    """Mean validation accuracy over seeds at ``JUDGED_AT``; None if a run failed."""
    results = read_results(Journal(directory).read() for directory in directories)
    if len(results) < len(directories) or any(result.status != "finished" for result in results):
        return None
    return fmean(point.accuracy for result in results for point in result.curve[1:] or result.curve)


def _space(suite: SuiteConfig, arm: str) -> dict[str, tuple[float, float]]:
    """The search space of the arm."""
    if not (space := space_of(suite, arm)):
        raise HarnessError(
            f"suite {suite.name} has no tuning.space for {arm}; give one, for example "
            "--set 'tuning.space={optimizer.learning_rate: [1e-5, 1e-3], fields.beta: [0.01, 1]}'"
        )
    return space


def _keys_of(objective: str) -> set[str]:
    """The fields of an objective, as keys of a search space."""
    return {f"fields.{name}" for name in hyperparameters(find_objective(objective))}


def _with(suite: SuiteConfig, arm: str, settings: Mapping[str, float]) -> SuiteConfig:
    """The suite with a point instead of its own settings for the arm, including those for its regime."""
    own = suite.objectives.get(arm, ArmSettings())
    here = own.regimes.get(suite.regime, TunedSettings()).model_dump()
    tried = {key: here[key] | in_sections(settings).get(key, {}) for key in here}
    tuned = own.model_copy(update={"regimes": {suite.regime: TunedSettings(**tried)}})
    return suite.model_copy(update={"objectives": suite.objectives | {arm: tuned}})
