"""``harness leaderboard``, ``compare``, ``export``, ``publish``, ``sync``: reports on runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.app import app, one_sentence
from harness.cli.options import (
    OUT,
    Correct,
    Force,
    From,
    GraderName,
    Match,
    Out,
    Seeds,
    Suite,
    Uri,
)
from harness.cli.telling import telling
from harness.config.arguments import (
    chosen_budget,
    chosen_regime,
    names_of,
    parse_seeds,
)
from harness.config.run_config import SuiteConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.report.numbers.selection import Selection


def suite_of(name: str, out: Path, changes: Sequence[tuple[str, str]] = ()) -> SuiteConfig:
    """The suite of this name. It may also be a changed suite that has runs under ``out``."""
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
    """The selection of a suite's runs by these options. Each option is the text that the user gave."""
    chosen = parse_seeds(seeds)
    asked: dict[str, Any] = {
        "algos": tuple(names_of(algos)) if algos is not None else None,
        "regimes": tuple(chosen_regime(name) for name in regimes) if regimes else None,
        "seeds": tuple(chosen) if chosen else None,
        "budget": chosen_budget(budget) if budget else None,
    }
    from harness.report.numbers.selection import Selection  # half a second of imports

    return Selection(**asked, match=match, grader=grader)


@app.command()
@one_sentence
@telling(result=True, legend=True)
def leaderboard(
    suite: Suite,
    source: From = None,
    algos: Annotated[str | None, typer.Option(help="Only these arms, comma-separated.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help="Only this regime. Repeatable.")] = None,
    seeds: Seeds = None,
    budget: Annotated[str | None, typer.Option(help="Only runs of this budget, UNIT=TOTAL.")] = None,
    match: Match = None,
    grader: GraderName = None,
    baseline: Annotated[
        str | None, typer.Option(help="The arm that others are compared with. Default: the suite's.")
    ] = None,
    correct: Correct = "table",
    out: Out = OUT,
    force: Force = False,
    *,
    console: Terminal,
) -> None:
    """Build the tables, pictures and page of a suite from its runs, or from some of them."""
    loaded = suite_of(suite, out)
    selection = selection_of(algos, seeds, budget, match, grader, regime)

    from harness.report.commands import make_leaderboard

    make_leaderboard(loaded, selection, source or [], out, console, baseline=baseline, force=force, correction=correct)


@app.command()
@one_sentence
@telling(result=True)
def compare(
    a: Annotated[str, typer.Argument(help="An objective, a run id, or the key of a row.")],
    b: Annotated[str, typer.Argument(help="The objective, run id or key to compare it with.")],
    suite: Suite = "tiny-arithmetic",
    source: From = None,
    regime: Annotated[str | None, typer.Option(help="The regime, if they have runs in several.")] = None,
    seeds: Seeds = None,
    budget: Annotated[str | None, typer.Option(help="Only runs of this budget, UNIT=TOTAL.")] = None,
    match: Match = None,
    grader: GraderName = None,
    out: Out = OUT,
    *,
    console: Terminal,
) -> None:
    """Compare two objectives or two runs: their difference, the problems gained and lost, and their costs."""
    if a == b:
        raise HarnessError(f"compare names {a} twice; name two objectives, or two runs")
    wanted = chosen_regime(regime) if regime else None
    loaded, selection = suite_of(suite, out), selection_of(None, seeds, budget, match, grader)

    from harness.report.commands import make_comparison

    make_comparison(loaded, (a, b), wanted, selection, source or [], out, console)


@app.command()
@one_sentence
@telling()
def export(suite: Suite, out: Out = OUT, force: Force = False, *, console: Terminal) -> None:
    """Write the runs of a suite into one small file, which leaderboard and compare read with --from."""
    loaded = suite_of(suite, out)
    from harness.report import commands

    commands.export(loaded, out, console, force=force)


@app.command()
@one_sentence
@telling(legend=True)
def publish(
    suite: Suite,
    out: Out = OUT,
    to: Annotated[Path, typer.Option(help="The folder of published results. Each suite has a folder in it.")] = Path(
        "results"
    ),
    correct: Correct = "table",
    force: Force = False,
    *,
    console: Terminal,
) -> None:
    """Write the leaderboard of a suite and an archive of its runs into a permanent folder, such as results/."""
    loaded = suite_of(suite, out)
    from harness.report import commands

    commands.publish(loaded, out, to, console, force=force, correction=correct)


@app.command()
@one_sentence
@telling()
def sync(out: Out = OUT, tracking_uri: Uri = None, *, console: Terminal) -> None:
    """Publish everything to MLflow that has not been published yet. Repeating it changes nothing."""
    from harness.launch.syncing import sync_all

    sync_all(out, tracking_uri, console)
