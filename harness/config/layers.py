"""The settings of an arm in a suite, for the suite's regime.

This module does not import torch, so that the command line can refuse wrong names immediately.
"""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any

from pydantic import ValidationError

from algorithms import OBJECTIVES
from evaluators import plugins
from harness.config.arm_settings import CONTROLS, ArmSettings, TunedSettings
from harness.config.optimizer import OptimizerSettings
from harness.config.run_config import SuiteConfig
from harness.config.suites import explain, load_suite, nearest
from harness.errors import HarnessError

SECTIONS = ("optimizer", "fields")
"""The sections of an arm's settings."""


def added_objectives() -> dict[str, EntryPoint]:
    """Objectives of other packages, by name."""
    return plugins.plugins_of(plugins.OBJECTIVES, OBJECTIVES)


def plugin_objectives() -> dict[str, str]:
    """``module:Class`` of these objectives, by name. Runs record it, as if the user had given it."""
    return {name: point.value for name, point in added_objectives().items()}


def arm_of(suite: SuiteConfig, name: str) -> ArmSettings:
    """The arm's settings in the suite's regime, on top of those of the arm that it is ``like``.

    A control is like the baseline by default.
    """
    added = plugin_objectives()
    _refuse_unknown(name, known_arms(suite))
    if not re.fullmatch(r"[\w.:-]+", name):
        raise HarnessError(f"the arm {name!r} names the directories of its runs; use only letters, digits and _ . : -")
    own = suite.objectives.get(name, ArmSettings())
    if name in CONTROLS:
        twin = own.like or suite.baseline
        if twin in CONTROLS:
            raise HarnessError(
                f"the control {name} would be like {twin}, which is also a control; make it like an objective"
            )
        own = own.model_copy(update={"like": twin, "control": own.control or name})
    chain = {name: own}
    while like := list(chain.values())[-1].like:
        chain[like] = suite.objectives.get(like, ArmSettings())
    arms = list(chain.values())
    return ArmSettings(
        objective=next(filter(None, (_objective_of(key, arm, added) for key, arm in chain.items())), name),
        fields=_layered(arms, "fields", suite.regime),
        optimizer=_layered(arms, "optimizer", suite.regime),
        constraint=next((arm.constraint for arm in arms if arm.constraint), None),
        robust=next((arm.robust for arm in arms if arm.robust), None),
        control=own.control,
        space={key: ends for one in reversed(arms) for key, ends in one.space.items()},
    )


def refuse_unknown_objectives(names: Sequence[str]) -> None:
    """
    Raises:
        HarnessError: one of these is not the name of an objective.
    """
    for name in names:
        _refuse_unknown(name, [*OBJECTIVES, *plugin_objectives()])


def known_arms(suite: SuiteConfig) -> list[str]:
    """The names of all arms, except those of the user's own objectives."""
    return list(dict.fromkeys([*OBJECTIVES, *plugin_objectives(), *suite.objectives, *CONTROLS]))


def refuse_nothing_to_compare(suite: SuiteConfig, algos: Sequence[str]) -> None:
    """
    Raises:
        HarnessError: with ``--until decided``, the baseline is missing among the arms, or is the only one.
    """
    if suite.baseline not in algos or len(algos) < 2:
        raise HarnessError(
            f"--until decided compares arms with the baseline {suite.baseline}; name it in --algos together with "
            "others, or choose one of them with --set baseline=NAME"
        )


def _refuse_unknown(name: str, known: Sequence[str], where: str = "") -> None:
    if name.partition(":")[0].endswith(".py"):
        module = name.partition(":")[0].removesuffix(".py").rpartition("/")[2]
        of = name.partition(":")[2] or "MyObjective"
        raise HarnessError(f"{where}{name!r} names a file; go to its folder and write {module}:{of} instead")
    if name not in known and ":" not in name:
        raise HarnessError(
            f"{where}no objective {name!r}{nearest(name, known)}; write your own objective as my_module:MyObjective"
        )


def _objective_of(name: str, arm: ArmSettings, added: Mapping[str, str]) -> str | None:
    """The objective of the arm, if it follows from the arm's own settings or name."""
    named = arm.objective or (name if name in OBJECTIVES or name in added else None)
    return added.get(named, named) if named else None


def refuse_typos(
    suite: str, changes: Sequence[tuple[str, Any]], algos: Sequence[str], regimes: Sequence[str] = ()
) -> None:
    """Refuse wrong arguments, as far as they can be checked without torch.

    Raises:
        HarnessError: there is no such suite, key, value, regime or arm.
    """
    for change in [[("regime", regime)] for regime in regimes] or [[]]:
        loaded = load_suite(suite, [*changes, *change])
        _refuse_unknown(loaded.baseline, known_arms(loaded), where="baseline: ")
        for name in algos:
            optimizer_of(loaded, name)


def optimizer_of(suite: SuiteConfig, name: str) -> OptimizerSettings:
    """The optimiser settings of the arm in the suite's regime.

    Raises:
        HarnessError: the arm or a setting is unknown, or a value is wrong.
    """
    try:
        return OptimizerSettings.model_validate(suite.optimizer.model_dump() | arm_of(suite, name).optimizer)
    except ValidationError as error:
        where, said = f"suite {suite.name}: objectives.{name}.optimizer", explain(error, OptimizerSettings)
        raise HarnessError(f"{where}{': ' if said.startswith('unknown key') else '.'}{said}") from error


def replaced(before: SuiteConfig, after: SuiteConfig, name: str) -> list[str]:
    """Settings of the arm that changed from ``before`` to ``after``, such as ``optimizer.learning_rate 2e-4 -> 1e-4``.

    Both are the same suite in the same regime, before and after changes from the command line. An arm that only the
    command line has replaces nothing.
    """
    now = arm_of(after, name)
    if name in after.objectives and name not in known_arms(before):
        return []
    then = arm_of(before, name)
    found = []
    for section, others in (("optimizer", after.optimizer.model_dump()), ("fields", {})):
        new = others | getattr(now, section)
        for key, value in getattr(then, section).items():
            if key not in new or new[key] != value:
                found.append(f"{section}.{key} {value} -> {new.get(key, 'its default')}")
    return found


def settings_of(suite: SuiteConfig, name: str) -> dict[str, Any]:
    """The settings that the suite has only for this arm, in its regime: ``optimizer.NAME`` and ``fields.NAME``."""
    arm = arm_of(suite, name)
    return {f"{section}.{key}": value for section in SECTIONS for key, value in getattr(arm, section).items()}


def _layered(arms: Sequence[ArmSettings], section: str, regime: str) -> dict[str, Any]:
    """A section of the first arm, with its settings for the regime on top of its general ones, and both on top of those
    of the arms that it is like."""
    layers = [layer for arm in reversed(arms) for layer in (arm, arm.regimes.get(regime, TunedSettings()))]
    return {key: value for layer in layers for key, value in getattr(layer, section).items()}
