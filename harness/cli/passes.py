"""``harness pass-at-k``: what models can solve in several attempts, before and after training."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.app import app, one_sentence, say_loading
from harness.cli.options import OUT, Fresh, GraderName, Match, Out, Seeds, Suite
from harness.cli.reports import selection_of, suite_of
from harness.cli.telling import telling
from harness.config.arguments import command_line
from harness.errors import HarnessError
from harness.terminal import Terminal


@app.command(name="pass-at-k")
@one_sentence
@telling(result=True, legend=True)
def pass_at_k(
    suite: Suite = "tiny-arithmetic",
    k: Annotated[int, typer.Option(min=2, help="Samples per test problem, and the largest k.")] = 32,
    algos: Annotated[str | None, typer.Option(help="Only these arms, comma-separated.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help="Only this regime. Repeatable.")] = None,
    seeds: Seeds = None,
    match: Match = None,
    grader: GraderName = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Draw the counts in this pass-at-k.parquet, and sample nothing.")
    ] = None,
    out: Out = OUT,
    fresh: Fresh = False,
    *,
    console: Terminal,
) -> None:
    """Sample the models of finished runs many times, and show pass@k before and after training."""
    if source is None:
        loaded, selection = suite_of(suite, out), selection_of(algos, seeds, None, match, grader, regime)
    elif fresh or algos or regime or seeds or match or grader:
        raise HarnessError(
            "--from draws everything that the file has; remove the options that choose runs, and --fresh"
        )

    say_loading(console)
    from harness.studies.passes.command import draw, sample_and_draw

    if source is not None:
        draw(source, out, console)
        return
    options = {"--suite": suite, "--k": str(k), "--algos": algos, "--seeds": seeds}
    command = command_line("pass-at-k", options, [], regimes=regime or [])
    sample_and_draw(loaded, selection, k, out, command, console, fresh=fresh)
