"""``harness staleness``: one setting in several steps, and its effect on every arm."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.app import INTERRUPTED, app, objectives_of, one_sentence
from harness.cli.executing import executing
from harness.cli.options import (
    Change,
    Data,
    Engine,
    From,
    GraderName,
    Match,
    Model,
    Seeds,
    Suite,
    Task,
)
from harness.cli.reports import selection_of, suite_of
from harness.cli.telling import telling
from harness.config.arguments import (
    changes_of,
    parse_budget,
    parse_seeds,
)
from harness.config.layers import refuse_typos
from harness.errors import HarnessError
from harness.studies.staleness.lags import LAGS, NEAREST, parse_lags, parse_settings, parse_unit
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.launch.execution import Execution


@app.command()
@one_sentence
@telling(result=True)
@executing()
def staleness(
    algos: Annotated[
        str | None, typer.Option(help="Arms, comma-separated. Default with --from: all arms that have runs.")
    ] = None,
    lags: Annotated[
        str | None,
        typer.Option(help="Lags, comma-separated. Default: 1,4,16,64,256; with --from: all lags that have runs."),
    ] = None,
    unit: Annotated[str, typer.Option("--in", help="The unit of lags: batches or steps.")] = "batches",
    settings: Annotated[
        str,
        typer.Option(
            help="The settings of an arm at a lag. nearest: those of the suite's nearest lag. own: those of exactly "
            "this lag, or else the on-policy ones. A REGIME: those of this regime at all lags."
        ),
    ] = NEAREST,
    suite: Suite = "tiny-arithmetic",
    seeds: Seeds = None,
    budget: Annotated[
        str | None, typer.Option(help="The budget of each run, UNIT=TOTAL, such as completions=20000.")
    ] = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    source: From = None,
    match: Match = None,
    grader: GraderName = None,
    *,
    how: "Callable[[Terminal], Execution]",
    console: Terminal,
) -> None:
    """Train every arm at every lag, and show accuracy by age of completions. With --from, use existing runs."""
    numbers, arms = parse_seeds(seeds), objectives_of(algos) if algos else []
    changes = changes_of(change, model, data, engine, task)
    counted, chosen, taken = parse_unit(unit), parse_lags(lags) if lags else None, parse_settings(settings)
    if not source:
        if algos is None:
            raise HarnessError("name the arms to train, such as --algos agro,ppo, or draw existing runs with --from")
        if match or grader:
            raise HarnessError("--match and --grader select existing runs; give --from, or remove them")
        changes += [("budget", parse_budget(budget))] if budget else []
        refuse_typos(suite, changes, arms)

    execution = how(console)
    from harness.studies.staleness.command import draw, train_and_draw
    from harness.studies.staleness.planning import Asked

    if source:
        _refuse_training(execution, changed=bool(changes) or settings != NEAREST)
        selection = selection_of(algos, seeds, budget, match, grader)
        draw(suite_of(suite, execution.out), selection, source, counted, chosen, execution.out, console)
        return
    asked = Asked(
        suite=suite, changes=changes, arms=arms, lags=chosen or LAGS, unit=counted, settings=taken, seeds=numbers
    )
    if not train_and_draw(asked, execution, console):
        raise typer.Exit(INTERRUPTED)


def _refuse_training(execution: "Execution", *, changed: bool) -> None:
    """
    Raises:
        HarnessError: an option is for runs that are trained, and not for existing ones.
    """
    where = execution.ray or execution.devices or execution.runs_per_device or execution.workers
    training = execution.fresh or execution.anyway or execution.part or execution.tracking_uri
    if changed or training or where:
        raise HarnessError(
            "--from draws existing runs and trains none; remove --fresh, --anyway, --part, --tracking-uri, "
            "--settings, and the options that change runs or choose devices"
        )
