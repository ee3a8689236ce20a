"""``harness list`` and ``harness doctor``: what is there."""

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
"""What can be listed."""


@app.command(name="list")
@one_sentence
@telling(result=True)
def list_(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}; default: all.")] = "all",
    *,
    console: Terminal,
) -> None:
    """What can be named on the command line."""
    if kind not in ("all", *KINDS):
        raise HarnessError(f"nothing to list under {kind!r}; known: {', '.join(KINDS)}")

    from harness.studies.catalogue.tables import show

    show(KINDS if kind == "all" else [kind], console)


@app.command()
@one_sentence
@telling()
def doctor(
    suite: Annotated[str | None, typer.Option(help="Also load this suite's model and problems.")] = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    *,
    console: Terminal,
) -> None:
    """What is installed, and what a suite would see: the exact prompt of one problem."""
    loaded = load_suite(suite, changes_of(change, model, data, engine, task)) if suite else None
    say_loading(console)
    from harness.studies.doctor import examine

    examine(loaded, console)
