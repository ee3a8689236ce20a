"""``harness run``, ``harness tune`` and ``harness replicate``: the commands that train."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.app import INTERRUPTED, app, find_own_objectives, objectives_of, one_sentence
from harness.cli.executing import executing
from harness.cli.options import (
    OUT,
    Change,
    Data,
    Engine,
    Force,
    GraderName,
    Limit,
    Match,
    Model,
    Most,
    Regimes,
    Seeds,
    Suite,
    Task,
    Until,
)
from harness.cli.telling import telling
from harness.config.arguments import (
    changes_of,
    chosen_regime,
    is_until,
    names_of,
    parse_budget,
    parse_seeds,
)
from harness.config.layers import refuse_nothing_to_compare, refuse_typos
from harness.config.limit import limited
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.launch.execution import Execution


@app.command()
@one_sentence
@telling(result=True, legend=True)
@executing()
def run(
    algos: Annotated[str, typer.Option(help="Arms, comma-separated. Your own objective: my_module:MyObjective.")],
    suite: Suite = "tiny-arithmetic",
    seeds: Seeds = None,
    until: Until = None,
    max_seeds: Most = None,
    budget: Annotated[
        str | None, typer.Option(help="The budget of each run, UNIT=TOTAL, such as completions=20000.")
    ] = None,
    regime: Regimes = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    limit: Limit = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Also write a table and a trace of where the time goes.")
    ] = False,
    force: Force = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the runs, their estimates and the resolved suite. Train nothing.")
    ] = False,
    *,
    how: "Callable[[Terminal], Execution]",
    console: Terminal,
) -> None:
    """Train objectives at a matched budget, and print their leaderboard. The same command resumes."""
    changes = changes_of(change, model, data, engine, task)
    changes += [("budget", parse_budget(budget))] if budget else []
    changes += limited(limit, changes)
    names = objectives_of(algos)
    looked, numbers = is_until(until, max_seeds, seeds), parse_seeds(seeds)
    refuse_typos(suite, changes, names, regime or [])
    if looked:
        refuse_nothing_to_compare(load_suite(suite, changes), names)

    execution = replace(how(console), profiled=profile)
    from harness.launch.carry_out import invoke
    from harness.launch.parted import kept_by
    from harness.launch.plan import plan
    from harness.launch.until import invoke_until, plan_until
    from harness.report.archive import refuse_losing

    if looked:
        planned = plan_until(suite, changes, names, max_seeds, regime or [])
    else:
        planned = plan(suite, changes, names, numbers, regime or [])
    if dry_run:
        from harness.studies.dry_run import rehearsal

        print(rehearsal(planned, execution.forecaster), end="")
        return
    kept = kept_by(execution.part, planned.runs, execution.forecaster, execution.out)
    refuse_losing(execution.out / planned.suite.name, kept, force=force)
    if not (invoke_until if looked else invoke)(planned, execution, console):
        raise typer.Exit(INTERRUPTED)


@app.command()
@one_sentence
@telling(result=True)
@executing()
def tune(
    algos: Annotated[str, typer.Option(help="Arms, comma-separated.")],
    trials: Annotated[int, typer.Option(min=1, help="The number of trials of each arm in each regime.")] = 8,
    suite: Suite = "tiny-arithmetic",
    regime: Regimes = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    *,
    how: "Callable[[Terminal], Execution]",
    console: Terminal,
) -> None:
    """Tune each objective on validation problems, with the same number of trials. The same command resumes."""
    changes, names = changes_of(change, model, data, engine, task), objectives_of(algos)
    refuse_typos(suite, changes, names, regime or [])

    execution = how(console)
    from harness.studies.tuning import command

    if not command.tune(suite, changes, names, regime or [], trials, execution, console):
        raise typer.Exit(INTERRUPTED)


@app.command()
@one_sentence
@telling(result=True, legend=True)
@executing(OUT / "replication")
def replicate(
    suite: Suite,
    source: Annotated[
        list[Path], typer.Option("--from", help="The archive whose verdicts are tested again, runs.tar.xz.")
    ],
    seeds: Annotated[str, typer.Option(help="The number of new seeds (5), or a list of seeds (100,101).")] = "5",
    algos: Annotated[str | None, typer.Option(help="Test only the verdicts on these arms, comma-separated.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help="Test only verdicts in this regime. Repeatable.")] = None,
    match: Match = None,
    grader: GraderName = None,
    *,
    how: "Callable[[Terminal], Execution]",
    console: Terminal,
) -> None:
    """Test the verdicts of an archive on new seeds: which of them hold? The same command resumes."""
    if len(source) > 1:
        raise HarnessError("--from is given several times, but only one archive can be tested at a time; name one")
    find_own_objectives()
    names, wanted = names_of(algos) if algos else None, [chosen_regime(name) for name in regime] if regime else None
    parse_seeds(seeds)

    execution = how(console)
    from harness.report.numbers.selection import Selection
    from harness.studies.replication import command

    selection = Selection(match=match, grader=grader)
    if not command.replicate(suite, source[0], seeds, names, wanted, selection, execution, console):
        raise typer.Exit(INTERRUPTED)
