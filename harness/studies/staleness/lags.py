"""Lags: the number of optimiser steps that a lag means for an arm, and the tuned settings that the arm uses there."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

from harness.config.arguments import chosen_regime
from harness.config.arm_settings import ArmSettings, TunedSettings
from harness.config.layers import optimizer_of
from harness.config.regime import RegimeSpec
from harness.config.run_config import RunConfig, SuiteConfig
from harness.errors import HarnessError

Unit = Literal["batches", "steps"]
UNITS: tuple[Unit, ...] = get_args(Unit)
NEAREST, OWN = "nearest", "own"
LAGS = (1, 4, 16, 64, 256)


def parse_lags(text: str) -> list[int]:
    """Parse lags such as ``"1,4,16"``. Lag 0, fresh completions, is part of every sweep.

    Raises:
        HarnessError: these are not distinct whole numbers from 1 on.
    """
    try:
        lags = [int(part) for part in text.split(",")]
    except ValueError:
        lags = []
    if not lags or min(lags) < 1 or len(set(lags)) < len(lags):
        raise HarnessError(f"--lags {text!r}: give distinct whole numbers from 1 on, such as 1,4,16")
    return sorted(lags)


def parse_unit(text: str) -> Unit:
    """Parse the unit of lags. Raises HarnessError if it is unknown."""
    for unit in UNITS:
        if text == unit:
            return unit
    raise HarnessError(f"--in {text!r}: count lags in {' or '.join(UNITS)}")


def parse_settings(text: str) -> str:
    """Parse ``nearest``, ``own`` or a regime for :func:`in_lag`. Raises HarnessError if it is none of these."""
    if text in (NEAREST, OWN):
        return text
    try:
        return chosen_regime(text)
    except HarnessError as error:
        raise HarnessError(f"--settings {text!r}: give {NEAREST}, {OWN} or a regime, such as stale:16") from error


def in_lag(suite: SuiteConfig, steps: int, settings: str) -> SuiteConfig:
    """The suite with completions that are ``steps`` optimiser steps old; 0 for fresh ones.

    ``settings`` says which settings of an arm apply:

    - ``own``: those that the suite has for exactly this regime, otherwise the on-policy ones, as in ``harness run``.
    - ``nearest``: those of the stale regime whose lag is nearest by ratio. Of two equally near ones, the older counts.
      Fresh completions use the on-policy settings.
    - a regime: the settings for that regime, at every lag.
    """
    regime = str(RegimeSpec.parse(f"stale:{steps}"))
    arms = suite.objectives
    if settings != OWN:
        arms = {name: _taking(arm, regime, _source(arm, steps, settings)) for name, arm in arms.items()}
    return suite.model_copy(update={"regime": regime, "objectives": arms})


def sources(suite: SuiteConfig, arm: str, steps: int, settings: str) -> list[str]:
    """The regimes whose settings an arm uses at this lag: first its own, then those of the arms that it is ``like``."""
    found = []
    name: str | None = arm
    while name:
        one = suite.objectives.get(name, ArmSettings())
        own = str(RegimeSpec.parse(f"stale:{steps}"))
        source = own if settings == OWN else _source(one, steps, settings)
        found += [source] if source in one.regimes else []
        name = one.like
    return list(dict.fromkeys(found)) or ["on_policy"]


def _source(arm: ArmSettings, steps: int, settings: str) -> str:
    """The regime whose settings the arm uses."""
    if settings != NEAREST:
        return settings
    known = [spec for name in arm.regimes if (spec := RegimeSpec.parse(name)).kind == "stale"]
    if not steps or not known:
        return "on_policy"
    return str(min(known, key=lambda spec: (round(abs(math.log(spec.steps / steps)), 9), -spec.steps)))


def _taking(arm: ArmSettings, regime: str, source: str) -> ArmSettings:
    taken = arm.regimes.get(source, TunedSettings())
    return arm.model_copy(update={"regimes": arm.regimes | {regime: taken}})


def steps_of(suite: SuiteConfig, arm: str, lag: int, unit: Unit, settings: str) -> int | None:
    """A lag of the arm in optimiser steps; None if no batch of the arm starts at that step.

    Raises:
        HarnessError: the number of steps per batch keeps changing with the lag.
    """
    updates = _updates(suite, arm, lag, settings)
    if unit == "steps":
        return None if lag % updates else lag
    for _ in range(2):  # a regime's own settings may change the number of updates
        steps = lag * updates
        if (found := _updates(suite, arm, steps, settings)) == updates:
            return steps
        updates = found
    raise HarnessError(
        f"{arm} has a different optimizer.updates_per_rollout at each lag near {lag} batches; "
        "set one value with --set, or give --settings a regime"
    )


def _updates(suite: SuiteConfig, arm: str, steps: int, settings: str) -> int:
    """The number of optimiser steps per batch."""
    return optimizer_of(in_lag(suite, steps, settings), arm).updates_per_rollout


def batches_of(config: RunConfig) -> int | None:
    """The number of rollout batches that the run trains on; None if its budget does not determine it."""
    size = config.rollout.prompts * config.rollout.group_size
    each = {"completions": size, "optimizer_steps": config.optimizer.updates_per_rollout}.get(config.budget.unit)
    return int(config.budget.total // each) if each else None


def refuse_same_runs(configs: Sequence[RunConfig], lags: Sequence[int]) -> None:
    """Refuse lags that give identical runs. ``configs``: one arm with one seed, at these ``lags``.

    Raises:
        HarnessError: two of the lags are longer than the run, so they give the same training.
    """
    past = [
        lag
        for lag, config in zip(lags, configs, strict=True)
        if (batches := batches_of(config)) and lag_of(config) >= batches - 1
    ]
    if len(past) > 1:
        raise HarnessError(
            f"a run of {configs[0].objective.name} has {batches_of(configs[0])} batches, so lags of "
            f"{' and '.join(map(str, past))} give the same training, only on completions of the start policy; "
            f"give one of these lags, or a larger --budget"
        )


def lag_of(config: RunConfig) -> int:
    """The age of the training completions of a run, in batches."""
    return config.regime_spec.steps // config.optimizer.updates_per_rollout
