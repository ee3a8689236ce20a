"""``harness list`` and ``harness doctor``: the available names, and the installation."""

from typing import Annotated

import typer

from harness.cli.app import app, one_sentence, say_loading
from harness.cli.options import (
    Change,
    Data,
    Engine,
    Model,
    Task,
)
from harness.cli.telling import telling
from harness.config.arguments import (
    changes_of,
)
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.terminal import Terminal

KINDS = ("objectives", "suites", "tasks", "formats", "engines")
"""The kinds of names that can be listed."""


@app.command(name="list")
@one_sentence
@telling(result=True)
def list_(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}. Default: all.")] = "all",
    *,
    console: Terminal,
) -> None:
    """List the names that commands accept: objectives, suites, tasks, formats and engines."""
    if kind not in ("all", *KINDS):
        raise HarnessError(f"nothing to list under {kind!r}; known: {', '.join(KINDS)}")

    from harness.studies.catalogue.tables import show

    show(KINDS if kind == "all" else [kind], console)


@app.command()
@one_sentence
@telling()
def doctor(
    suite: Annotated[str | None, typer.Option(help="Also load the model and the problems of this suite.")] = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    *,
    console: Terminal,
) -> None:
    """Show what is installed. With a suite, also show the exact prompt of one problem."""
    if not suite and any((engine, model, task, data, change)):
        raise HarnessError("doctor tests a model and its problems with the settings of a suite; name one by --suite")
    loaded = load_suite(suite, changes_of(change, model, data, engine, task)) if suite else None
    say_loading(console)
    from harness.studies.doctor import examine

    examine(loaded, console)
