"""``harness run``, ``harness tune`` and ``harness replicate``: what trains."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.app import INTERRUPTED, app, console, find_own_objectives, objectives_of, one_sentence, say_loading
from harness.cli.options import (
    OUT,
    Anyway,
    Change,
    Data,
    Engine,
    Force,
    Fresh,
    GraderName,
    Match,
    Model,
    Most,
    Out,
    Regimes,
    Seeds,
    Suite,
    Task,
    Until,
    Uri,
    Workers,
)
from harness.config.arguments import (
    changes_of,
    chosen_regime,
    is_until,
    names_of,
    parse_budget,
    parse_seeds,
)
from harness.config.layers import refuse_typos


@app.command()
@one_sentence
def run(
    algos: Annotated[str, typer.Option(help="Arms, comma-separated; one's own objective as my_module:MyObjective.")],
    suite: Suite = "tiny-arithmetic",
    seeds: Seeds = None,
    until: Until = None,
    max_seeds: Most = None,
    budget: Annotated[str | None, typer.Option(help="UNIT=TOTAL a run, such as completions=20000.")] = None,
    regime: Regimes = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    workers: Workers = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Fresh = False,
    anyway: Anyway = False,
    profile: Annotated[bool, typer.Option("--profile", help="Also tell where the time goes: table and trace.")] = False,
    force: Force = False,
) -> None:
    """Train objectives at a matched budget, and print their leaderboard. The same command resumes."""
    changes = changes_of(change, model, data, engine, task)
    changes += [("budget", parse_budget(budget))] if budget else []
    names = objectives_of(algos)
    looked, numbers = is_until(until, max_seeds, seeds), parse_seeds(seeds)
    refuse_typos(suite, changes, names, regime or [])

    say_loading()
    from harness.launch.carry_out import Execution, invoke
    from harness.launch.plan import plan
    from harness.launch.until import invoke_until, plan_until
    from harness.report.archive import refuse_losing

    if looked:
        planned = plan_until(suite, changes, names, max_seeds, regime or [])
    else:
        planned = plan(suite, changes, names, numbers, regime or [])
    refuse_losing(out / planned.suite.name, [config.run_id for config in planned.runs], force=force)
    how = Execution(out=out, tracking_uri=tracking_uri, workers=workers, fresh=fresh, profiled=profile, anyway=anyway)
    if not (invoke_until if looked else invoke)(planned, how, console):
        raise typer.Exit(INTERRUPTED)


@app.command()
@one_sentence
def tune(
    algos: Annotated[str, typer.Option(help="Arms, comma-separated.")],
    trials: Annotated[int, typer.Option(min=1, help="Of each arm in each regime.")] = 8,
    suite: Suite = "tiny-arithmetic",
    regime: Regimes = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    data: Data = None,
    change: Change = None,
    workers: Workers = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Fresh = False,
    anyway: Anyway = False,
) -> None:
    """Search each objective's settings on validation problems, with equal trials. The same command resumes."""
    changes, names = changes_of(change, model, data, engine, task), objectives_of(algos)
    refuse_typos(suite, changes, names, regime or [])

    say_loading()
    from harness.launch.carry_out import Execution
    from harness.studies.tuning import command

    how = Execution(out=out, tracking_uri=tracking_uri, workers=workers, fresh=fresh, anyway=anyway)
    if not command.tune(suite, changes, names, regime or [], trials, how, console):
        raise typer.Exit(INTERRUPTED)


@app.command()
@one_sentence
def replicate(
    suite: Suite,
    source: Annotated[Path, typer.Option("--from", help="The archive whose verdicts are tried again, runs.tar.xz.")],
    seeds: Annotated[str, typer.Option(help="How many new seeds (5), or which (100,101).")] = "5",
    algos: Annotated[str | None, typer.Option(help="Only the verdicts on these arms, comma-separated.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help="Only in this regime; repeatable.")] = None,
    match: Match = None,
    grader: GraderName = None,
    workers: Workers = None,
    out: Out = OUT / "replication",
    tracking_uri: Uri = None,
    fresh: Fresh = False,
    anyway: Anyway = False,
) -> None:
    """Train what an archive claims again, on seeds that it does not have: which verdicts hold. It resumes likewise."""
    find_own_objectives()
    names = names_of(algos) if algos else None
    refuse_typos(suite, [], names or [], regime or [])

    say_loading()
    from harness.launch.carry_out import Execution
    from harness.report.numbers.selection import Selection
    from harness.studies.replication import command

    how = Execution(out=out, tracking_uri=tracking_uri, workers=workers, fresh=fresh, anyway=anyway)
    wanted = [chosen_regime(name) for name in regime] if regime else None
    selection = Selection(match=match, grader=grader)
    if not command.replicate(suite, source, seeds, names, wanted, selection, how, console):
        raise typer.Exit(INTERRUPTED)
