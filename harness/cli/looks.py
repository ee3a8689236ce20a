"""``harness list`` and ``harness doctor``: what is there."""

from typing import Annotated

import typer

from harness.cli.app import app, console, one_sentence
from harness.cli.options import (
    Change,
    Data,
    Engine,
    Model,
    Task,
)
from harness.config.arguments import (
    changes_of,
)
from harness.errors import HarnessError


@app.command(name="list")
@one_sentence
def list_(
    kind: Annotated[str, typer.Argument(help="objectives, suites, tasks, formats or engines; default: all.")] = "all",
) -> None:
    """What can be named on the command line."""
    from harness.studies.catalogue import CATALOGUE

    if kind != "all" and kind not in CATALOGUE:
        raise HarnessError(f"nothing to list under {kind!r}; known: {', '.join(CATALOGUE)}")
    for name in CATALOGUE if kind == "all" else [kind]:
        console.print(CATALOGUE[name]())


@app.command()
@one_sentence
def doctor(
    suite: Annotated[str | None, typer.Option(help="Also load this suite's model and problems.")] = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
) -> None:
    """What is installed, and what a suite would see: the exact prompt of one problem."""
    from harness.config.suites import load_suite
    from harness.studies.doctor import examine

    examine(load_suite(suite, changes_of(change, model, data, engine, task)) if suite else None, console)
