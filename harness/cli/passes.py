"""``harness pass-at-k``: what models can solve in several attempts, before and after training."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.app import app, one_sentence, say_loading
from harness.cli.options import OUT, GraderName, Match, Out, Seeds
from harness.cli.reports import selection_of, suite_of
from harness.cli.telling import telling
from harness.config.arguments import command_line
from harness.errors import HarnessError
from harness.terminal import Terminal

USUAL, SAMPLES = "tiny-arithmetic", 32


@app.command(name="pass-at-k")
@one_sentence
@telling(result=True, legend=True)
def pass_at_k(
    suite: Annotated[
        str | None, typer.Option(help="A suite's name, or the path of its YAML file. Default: tiny-arithmetic.")
    ] = None,
    k: Annotated[
        int | None, typer.Option(min=2, help="Samples per test problem, and the largest k. Default: 32.")
    ] = None,
    algos: Annotated[str | None, typer.Option(help="Only these arms, comma-separated.")] = None,
    regime: Annotated[list[str] | None, typer.Option(help="Only this regime. Repeatable.")] = None,
    seeds: Seeds = None,
    match: Match = None,
    grader: GraderName = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Make table and figure from this pass-at-k.parquet, and sample nothing."),
    ] = None,
    out: Out = OUT,
    workers: Annotated[
        int | None, typer.Option(min=1, help="The number of models to sample at a time. Default: 1.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Sample again what was sampled before.")] = False,
    *,
    console: Terminal,
) -> None:
    """Sample the models of finished runs many times, and show pass@k before and after training."""
    name, samples = suite or USUAL, k or SAMPLES
    if source is None:
        loaded, selection = suite_of(name, out), selection_of(algos, seeds, None, match, grader, regime)
    elif fresh or any((suite, k, algos, regime, seeds, match, grader, workers)):
        raise HarnessError("--from draws everything that the file has; remove all other options except --out")

    say_loading(console)
    from harness.studies.passes.command import draw, sample_and_draw
    from harness.studies.passes.sampling import Sampling

    if source is not None:
        draw(source, out, console)
        return
    options = {"--suite": name, "--k": str(samples), "--algos": algos, "--seeds": seeds}
    options |= {"--match": match, "--grader": grader}
    command = command_line("pass-at-k", options, [], regimes=regime or [])
    how = Sampling(k=samples, command=command, fresh=fresh)
    sample_and_draw(loaded, selection, how, out, console, workers or 1)
