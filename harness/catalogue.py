"""What ``harness list`` shows: each registry as a table."""

import inspect
from collections.abc import Callable

from rich.table import Table

from algorithms import OBJECTIVES
from evaluators.tasks import TASKS
from harness.rollout import ENGINES
from harness.suites import load_suite, suite_names


def objectives() -> Table:
    return _table("objectives", [(name, _first_line(cls)) for name, cls in OBJECTIVES.items()])


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


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    made = Table(title=title, title_justify="left", show_header=False, box=None, title_style="bold")
    for row in rows:
        made.add_row(*row)
    return made
