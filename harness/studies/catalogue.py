"""``harness list``: each registry as a table."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from importlib.metadata import EntryPoint
from typing import get_args

from rich.table import Table

from algorithms import OBJECTIVES
from algorithms.constrained import Constrained
from algorithms.robust import Robust
from algorithms.types import Family, Objective, hyperparameters
from evaluators import plugins
from evaluators.formats import FORMATS
from evaluators.tasks import added_tasks, task_names, task_of
from harness.config.arms import find_objective
from harness.config.layers import added_objectives
from harness.config.settings import Control, added_engines
from harness.config.suites import added_suites, load_suite, suite_names
from harness.rollout.engines import ENGINES, engine_maker

CONTROL_MEANINGS: dict[Control, str] = {
    "frozen": "Never updated. Its variation over seeds is the noise of the evaluation.",
    "random_reward": "The baseline's objective with random rewards. It shows the effect of training without a signal.",
}


def objectives() -> Table:
    """All objectives by family, with paper, requirements and fields, and then the controls."""
    made = _table("objectives", [])
    for family in get_args(Family):
        _head(made, family)
        for name, cls in OBJECTIVES.items():
            if cls.family == family:
                _describe(made, name, cls)
        if family == Constrained.family:
            _describe(made, "constraint", Constrained, note="wraps any objective: set objectives.NAME.constraint")
            _describe(made, "robust", Robust, note="wraps any objective: set objectives.NAME.robust")
    if added := added_objectives():
        _head(made, "from other packages")
        for name in added:
            _describe(made, name, find_objective(name), origin=_origin(added, name))
    _head(made, "controls")
    for control, meaning in CONTROL_MEANINGS.items():
        made.add_row(control, "", meaning)
    return made


def suites() -> Table:
    added = added_suites()
    return _table("suites", [(name, load_suite(name).description, _origin(added, name)) for name in suite_names()])


def tasks() -> Table:
    added = added_tasks()
    found = {name: task for name in task_names() if (task := task_of(name))}
    rows = [(name, _first_line(inspect.getmodule(task.build)), _origin(added, name)) for name, task in found.items()]
    return _table("tasks", rows)


def formats() -> Table:
    return _table(
        "formats",
        [(name, form.answer.replace("{answer}", "18"), form.instruction) for name, form in FORMATS.items()],
    )


def engines() -> Table:
    added = added_engines()
    names = [*ENGINES, *added]
    return _table("engines", [(name, _first_line(engine_maker(name)), _origin(added, name)) for name in names])


CATALOGUE: dict[str, Callable[[], Table]] = {
    "objectives": objectives,
    "suites": suites,
    "tasks": tasks,
    "formats": formats,
    "engines": engines,
}


def _head(table: Table, title: str) -> None:
    table.add_row(title.upper(), style="bold")
    table.add_row()


def _origin(added: Mapping[str, EntryPoint], name: str) -> str:
    """The package that adds this name; empty if it is built in."""
    return f"from {plugins.origin_of(added[name])}" if name in added else ""


def _describe(table: Table, name: str, cls: type[Objective], note: str = "", origin: str = "") -> None:
    """Rows for one objective: summary, source, requirements and fields."""
    source = (inspect.getdoc(cls) or "").partition("Source:")[2]
    table.add_row(name, "", _first_line(cls))
    table.add_row("", "source", " ".join(source.replace("``", "").split()))
    if origin:
        table.add_row("", "origin", origin)
    table.add_row("", "requires", note or _requires(cls))
    meanings = field_meanings(cls)
    for key, field in hyperparameters(cls).items():
        if key != "inner":
            default = "" if field.default is MISSING else f" = {field.default}"
            table.add_row("", key + default, meanings.get(key, ""))
    table.add_row("", "", "")


def _requires(cls: type[Objective]) -> str:
    try:
        return ", ".join(sorted(cls().requires))
    except TypeError:  # an objective of another package has a field without a default
        return "depends on its fields"


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


def _table(title: str, rows: Sequence[Sequence[str]]) -> Table:
    made = Table(title=title, title_justify="left", show_header=False, box=None, title_style="bold")
    for row in rows:
        made.add_row(*row)
    return made
