"""``harness leaderboard``, ``compare``, ``export``, ``publish``, ``sync``: what is made of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.app import app, aside, console, one_sentence
from harness.cli.options import (
    OUT,
    Correct,
    Force,
    From,
    GraderName,
    Json,
    Match,
    Out,
    Seeds,
    Suite,
    Uri,
)
from harness.config.arguments import (
    chosen_budget,
    chosen_regime,
    names_of,
    parse_seeds,
)
from harness.config.run_config import SuiteConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.report.numbers.selection import Selection


def suite_of(name: str, out: Path, changes: Sequence[tuple[str, str]] = ()) -> SuiteConfig:
    """A suite by its name, or one that runs under ``out`` made of another."""
    from harness.records.out_dir import OutDir

    return load_suite(OutDir(out).named(name), changes)


def selection_of(
    algos: str | None,
    seeds: str | None,
    budget: str | None,
    match: str | None,
    grader: str | None,
    regimes: Sequence[str] | None = None,
) -> "Selection":
    """The part of a suite's runs that is asked for, each option as it was typed."""
    from harness.report.numbers.selection import Selection

    chosen = parse_seeds(seeds)
    return Selection(
        algos=tuple(names_of(algos)) if algos else None,
        regimes=tuple(chosen_regime(name) for name in regimes) if regimes else None,
        seeds=tuple(chosen) if chosen else None,
        budget=chosen_budget(budget) if budget else None,
        match=match,
        grader=grader,
    )


@app.command()
@one_sentence
def leaderboard(
    suite: Suite,
    source: From = None,
    algos: Annotated[str | None, typer.Option(help="Only these arms, comma-separated.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help="Only this regime; repeatable.")] = None,
    seeds: Seeds = None,
    budget: Annotated[str | None, typer.Option(help="Only runs of this budget, UNIT=TOTAL.")] = None,
    match: Match = None,
    grader: GraderName = None,
    baseline: Annotated[str | None, typer.Option(help="What differences are taken to; default: the suite's.")] = None,
    correct: Correct = "table",
    out: Out = OUT,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Rebuild a suite's tables, pictures and page from its runs, or from some of them."""
    from harness.report.commands import make_leaderboard

    selection = selection_of(algos, seeds, budget, match, grader, regime)
    loaded = suite_of(suite, out, [("baseline", baseline)] if baseline else [])
    said = aside if as_json else console
    board = make_leaderboard(loaded, selection, source or [], out, said, force=force, correction=correct)
    if as_json:
        print(board.as_json())


@app.command()
@one_sentence
def compare(
    a: Annotated[str, typer.Argument(help="An objective, a run id, or the key of a row.")],
    b: Annotated[str, typer.Argument(help="What it is compared with.")],
    suite: Suite = "tiny-arithmetic",
    source: From = None,
    regime: Annotated[str | None, typer.Option(help="Where they ran in several.")] = None,
    match: Match = None,
    grader: GraderName = None,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """Two objectives or two runs: the difference, the problems gained and lost, what each cost."""
    from harness.report.commands import make_comparison
    from harness.report.numbers.selection import Selection
    from harness.report.pages.exports import comparison_json

    if a == b:
        raise HarnessError(f"compare names {a} twice; name two objectives, or two runs")
    wanted = chosen_regime(regime) if regime else None
    loaded, chosen = suite_of(suite, out), Selection(match=match, grader=grader)
    found = make_comparison(loaded, (a, b), wanted, chosen, source or [], out, aside if as_json else console)
    if as_json:
        print(comparison_json(found))


@app.command()
@one_sentence
def export(suite: Suite, out: Out = OUT, force: Force = False) -> None:
    """Put a suite's runs into one small file, which leaderboard and compare read with --from."""
    from harness.report import commands

    commands.export(suite_of(suite, out), out, console, force=force)


@app.command()
@one_sentence
def publish(
    suite: Suite,
    out: Out = OUT,
    to: Annotated[Path, typer.Option(help="Where published results are kept, a folder a suite.")] = Path("results"),
    correct: Correct = "table",
    force: Force = False,
) -> None:
    """Write a suite's leaderboard and its runs in one file to a folder that is kept, such as results/."""
    from harness.report import commands

    commands.publish(suite_of(suite, out), out, to, console, force=force, correction=correct)


@app.command()
@one_sentence
def sync(out: Out = OUT, tracking_uri: Uri = None) -> None:
    """Publish to MLflow what has not been published yet; twice is the same as once."""
    from harness.launch.syncing import sync_all

    sync_all(out, tracking_uri, console)
