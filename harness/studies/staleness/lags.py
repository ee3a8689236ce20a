"""Lags become runs: how many optimiser steps a lag is for an arm, and which of its tuned settings it then takes."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

from harness.config.arguments import chosen_regime
from harness.config.layers import optimizer_of
from harness.config.regime import RegimeSpec
from harness.config.run_config import RunConfig, SuiteConfig
from harness.config.settings import ArmSettings, TunedSettings
from harness.errors import HarnessError

Unit = Literal["batches", "steps"]
UNITS: tuple[Unit, ...] = get_args(Unit)
NEAREST, OWN = "nearest", "own"
LAGS = (1, 4, 16, 64, 256)


def parse_lags(text: str) -> list[int]:
    """``"1,4,16"``; 0, the fresh completions, is part of every sweep.

    Raises:
        HarnessError: these are no distinct whole numbers from 1 on.
    """
    try:
        lags = [int(part) for part in text.split(",")]
    except ValueError:
        lags = []
    if not lags or min(lags) < 1 or len(set(lags)) < len(lags):
        raise HarnessError(f"--lags {text!r}: give distinct whole numbers from 1 on, such as 1,4,16")
    return sorted(lags)


def parse_unit(text: str) -> Unit:
    """What lags are counted in; raises HarnessError where it is neither."""
    for unit in UNITS:
        if text == unit:
            return unit
    raise HarnessError(f"--in {text!r}: count lags in {' or '.join(UNITS)}")


def parse_settings(text: str) -> str:
    """``nearest``, ``own`` or a regime, as :func:`in_lag` takes it; raises HarnessError where it is none of these."""
    if text in (NEAREST, OWN):
        return text
    try:
        return chosen_regime(text)
    except HarnessError as error:
        raise HarnessError(f"--settings {text!r}: give {NEAREST}, {OWN} or a regime, such as stale:16") from error


def in_lag(suite: SuiteConfig, steps: int, settings: str) -> SuiteConfig:
    """The suite with completions that are ``steps`` optimiser steps old; 0: fresh ones.

    ``settings`` says which of an arm's settings apply. ``own``: those that the suite has for this very regime, else the
    on-policy ones, as in ``harness run``. ``nearest``: those of the stale regime with the nearest lag, by ratio, the
    older of two equally near; fresh completions take the on-policy ones. A regime: those of that one, at every lag.
    """
    regime = str(RegimeSpec.parse(f"stale:{steps}"))
    arms = suite.objectives
    if settings != OWN:
        arms = {name: _taking(arm, regime, _source(arm, steps, settings)) for name, arm in arms.items()}
    return suite.model_copy(update={"regime": regime, "objectives": arms})


def sources(suite: SuiteConfig, arm: str, steps: int, settings: str) -> list[str]:
    """The regimes whose settings the arm, and the one it is like, take at this lag; the first one's own first."""
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
    """The regime whose settings the arm takes."""
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
    """A lag of the arm in optimiser steps; None where its batches begin at no such step.

    Raises:
        HarnessError: the arm takes another number of steps on a batch at each number of steps that is tried.
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
        f"{arm} takes another number of optimizer.updates_per_rollout at each lag near {lag} batches; "
        "set it once by --set, or give --settings a regime"
    )


def _updates(suite: SuiteConfig, arm: str, steps: int, settings: str) -> int:
    """Optimiser steps on a batch."""
    return optimizer_of(in_lag(suite, steps, settings), arm).updates_per_rollout


def batches_of(config: RunConfig) -> int | None:
    """Rollout batches that the run trains on, where its budget says it beforehand."""
    size = config.rollout.prompts * config.rollout.group_size
    each = {"completions": size, "optimizer_steps": config.optimizer.updates_per_rollout}.get(config.budget.unit)
    return int(config.budget.total // each) if each else None


def refuse_same_runs(configs: Sequence[RunConfig], lags: Sequence[int]) -> None:
    """``configs``: one arm with one seed, in these ``lags``.

    Raises:
        HarnessError: two of the lags reach past the end of the run, and so are the same training.
    """
    past = [
        lag
        for lag, config in zip(lags, configs, strict=True)
        if (batches := batches_of(config)) and lag_of(config) >= batches - 1
    ]
    if len(past) > 1:
        raise HarnessError(
            f"a run of {configs[0].objective.name} has {batches_of(configs[0])} batches, so that lags of "
            f"{' and '.join(map(str, past))} are the same training, all of it on completions of the start policy; "
            f"give one of them, or a larger --budget"
        )


def lag_of(config: RunConfig) -> int:
    """How many batches old the completions are that the run trains on."""
    return config.regime_spec.steps // config.optimizer.updates_per_rollout
