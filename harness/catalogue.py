"""What ``harness list`` shows: each registry as a table."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import MISSING, Field, fields

from rich.table import Table

from algorithms import OBJECTIVES
from algorithms.constrained import Constrained
from algorithms.types import Objective
from evaluators.tasks import TASKS
from harness.config import Control
from harness.rollout import ENGINES
from harness.suites import load_suite, suite_names

CONTROLS: dict[Control, str] = {
    "frozen": "Never updated: its spread over seeds is what evaluation noise is.",
    "random_reward": "The baseline's objective, rewarded by a coin: what training on format and entropy alone buys.",
}


def objectives() -> Table:
    """Every objective with its paper, what it requires and its fields; then what can be put around or beside them."""
    made = _table("objectives", [(name, "\n".join(_described(cls))) for name, cls in OBJECTIVES.items()])
    made.add_row("", "")
    for name, meaning in CONTROLS.items():
        made.add_row(name, f"control: {meaning}")
    made.add_row("constraint", "\n".join(["around any of them: objectives.NAME.constraint", *_described(Constrained)]))
    return made


def suites() -> Table:
    return _table("suites", [(name, load_suite(name).description) for name in suite_names()])


def tasks() -> Table:
    return _table("tasks", [(name, _first_line(inspect.getmodule(build))) for name, build in TASKS.items()])


def engines() -> Table:
    return _table("engines", [(name, _first_line(engine)) for name, engine in ENGINES.items()])


CATALOGUE: dict[str, Callable[[], Table]] = {
    "objectives": objectives,
    "suites": suites,
    "tasks": tasks,
    "engines": engines,
}


def _described(cls: type[Objective]) -> list[str]:
    """One line of what it is, its source, what it requires, and a line a field."""
    documented = inspect.getdoc(cls) or ""
    source = documented.partition("Source:")[2].partition("\n\n")[0]
    lines = [_first_line(cls)]
    lines += [f"  source: {' '.join(source.split())}"] if source else []
    own = [field for field in fields(cls) if field.name != "inner"]  # type: ignore[arg-type]
    if all(field.default is not MISSING for field in own) and cls is not Constrained:
        lines.append(f"  requires: {', '.join(sorted(cls().requires)) or 'nothing'}")
    meanings = field_meanings(cls)
    return lines + [f"  {_default(field)}: {meanings.get(field.name, '')}" for field in own]


def field_meanings(cls: type) -> dict[str, str]:
    """The docstring under each field of a dataclass, on one line."""
    (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(parsed, ast.ClassDef)
    return {
        before.target.id: " ".join(str(after.value.value).split())
        for before, after in zip(parsed.body, parsed.body[1:], strict=False)
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def _default(field: "Field[object]") -> str:
    return field.name if field.default is MISSING else f"{field.name} = {field.default}"


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    made = Table(title=title, title_justify="left", show_header=False, box=None, title_style="bold")
    for row in rows:
        made.add_row(*row)
    return made
