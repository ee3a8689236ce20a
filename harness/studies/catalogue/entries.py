"""Each registry as a list of entries."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, is_dataclass
from importlib.metadata import EntryPoint
from typing import get_args

from algorithms import OBJECTIVES
from algorithms.constrained import Constrained
from algorithms.robust import Robust
from algorithms.types import Family, Objective, hyperparameters
from evaluators import plugins
from evaluators.formats import FORMATS
from evaluators.tasks import added_tasks, task_names, task_of
from harness.config.arm_settings import Control
from harness.config.arms import find_objective
from harness.config.layers import added_objectives
from harness.config.settings import added_engines
from harness.config.suites import added_suites, load_suite, suite_names
from harness.rollout.engines import ENGINES, engine_maker

CONTROL_MEANINGS: dict[Control, str] = {
    "frozen": "Never updated. Its variation over seeds is the noise of the evaluation.",
    "random_reward": "The baseline's objective with random rewards. It shows the effect of training without a signal.",
}
ADDED, CONTROLS = "from other packages", "controls"
"""Families for objectives of other packages and for controls."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Something that a command accepts by its name."""

    name: str
    description: str
    origin: str = ""
    """The package that adds this name; empty if it is built in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldEntry:
    """A hyperparameter of an objective."""

    name: str
    default: str | None
    """The default as text. None if the field has no default."""
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveEntry(Entry):
    """An objective, or a control."""

    family: str
    source: str = ""
    """The paper."""
    requires: tuple[str, ...] | None = None
    """The inputs that the harness computes for the objective. None if they depend on its fields."""
    usage: str = ""
    """How to request it, if not by its name in ``--algos``."""
    fields: tuple[FieldEntry, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatEntry(Entry):
    """An answer format. Its description is the instruction for the model."""

    example: str
    """The end of a solved example."""


def objectives() -> list[ObjectiveEntry]:
    """All objectives by family, then those from other packages, then the controls."""
    found = []
    for family in get_args(Family):
        found += [_objective(name, cls, family) for name, cls in OBJECTIVES.items() if cls.family == family]
        if family == Constrained.family:
            for name, cls in (("constraint", Constrained), ("robust", Robust)):
                found.append(_objective(name, cls, family, usage=f"wraps any objective: set objectives.NAME.{name}"))
    added = added_objectives()
    found += [_objective(name, find_objective(name), ADDED, origin=_origin(added, name)) for name in added]
    return found + [
        ObjectiveEntry(name=name, description=meaning, family=CONTROLS) for name, meaning in CONTROL_MEANINGS.items()
    ]


def suites() -> list[Entry]:
    added = added_suites()
    return [
        Entry(name=name, description=load_suite(name).description, origin=_origin(added, name))
        for name in suite_names()
    ]


def tasks() -> list[Entry]:
    added = added_tasks()
    return [
        Entry(name=name, description=_first_line(inspect.getmodule(task.build)), origin=_origin(added, name))
        for name in task_names()
        if (task := task_of(name))
    ]


def formats() -> list[FormatEntry]:
    return [
        FormatEntry(name=name, example=form.answer.replace("{answer}", "18"), description=form.instruction)
        for name, form in FORMATS.items()
    ]


def engines() -> list[Entry]:
    added = added_engines()
    return [
        Entry(name=name, description=_first_line(engine_maker(name)), origin=_origin(added, name))
        for name in (*ENGINES, *added)
    ]


ENTRIES: dict[str, Callable[[], Sequence[Entry]]] = {
    "objectives": objectives,
    "suites": suites,
    "tasks": tasks,
    "formats": formats,
    "engines": engines,
}


def _origin(added: Mapping[str, EntryPoint], name: str) -> str:
    return plugins.origin_of(added[name]) if name in added else ""


def _objective(name: str, cls: type[Objective], family: str, *, usage: str = "", origin: str = "") -> ObjectiveEntry:
    meanings = field_meanings(cls)
    return ObjectiveEntry(
        name=name,
        description=_first_line(cls),
        origin=origin,
        family=family,
        source=" ".join((inspect.getdoc(cls) or "").partition("Source:")[2].replace("``", "").split()),
        requires=None if usage else _requires(cls),
        usage=usage,
        fields=tuple(
            FieldEntry(
                name=key,
                default=None if field.default is MISSING else str(field.default),
                meaning=meanings.get(key, ""),
            )
            for key, field in hyperparameters(cls).items()
            if key != "inner"
        ),
    )


def _requires(cls: type[Objective]) -> tuple[str, ...] | None:
    try:
        return tuple(sorted(cls().requires))
    except TypeError:  # an objective of another package has a field without a default
        return None


def field_meanings(cls: type) -> dict[str, str]:
    """The docstring of each field of a dataclass, on one line. Fields without one inherit that of a parent."""
    classes = [each for each in reversed(cls.__mro__) if is_dataclass(each)]
    return {name: meaning for each in classes for name, meaning in _own_meanings(each).items()}


def _own_meanings(cls: type) -> dict[str, str]:
    (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(parsed, ast.ClassDef)
    return {
        before.target.id: " ".join(str(after.value.value).replace("``", "").split())
        for before, after in zip(parsed.body, parsed.body[1:], strict=False)
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0].replace("``", "")
