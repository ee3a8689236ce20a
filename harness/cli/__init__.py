"""The command line: ``harness run``, ``leaderboard``, ``tabular``, ``plan``, ``list``, ``doctor``, ..."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console

from evaluators.types import TaskError
from harness.cli.options import (
    OUT,
    Change,
    Data,
    Engine,
    Force,
    Fresh,
    From,
    Match,
    Model,
    Out,
    Regimes,
    Seeds,
    Suite,
    Uri,
    Workers,
)
from harness.config.arguments import (
    changes_of,
    chosen_budget,
    chosen_regime,
    command_line,
    names_of,
    parse_budget,
    parse_seeds,
)
from harness.errors import HarnessError

# Before any library of Hugging Face is imported: its bars would run through ours.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

P = ParamSpec("P")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which fine-tuning objective teaches a language model more mathematics for the same budget?",
)
console = Console(soft_wrap=True)

INTERRUPTED = 130


def one_sentence(command: Callable[P, None]) -> Callable[P, None]:
    """Show what a user can mend as one sentence, with exit code 2 and no traceback."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (HarnessError, TaskError) as error:
            print(f"harness: {error}", file=sys.stderr)
            raise typer.Exit(2) from error

    return guarded


@app.command()
@one_sentence
def run(
    algos: Annotated[str, typer.Option(help="Arms, comma-separated; one's own objective as my_module:MyObjective.")],
    suite: Suite = "tiny-arithmetic",
    seeds: Seeds = None,
    budget: Annotated[str | None, typer.Option(help="UNIT=TOTAL a run, such as completions=20000.")] = None,
    regime: Regimes = None,
    engine: Engine = None,
    model: Model = None,
    data: Data = None,
    change: Change = None,
    workers: Workers = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Fresh = False,
    profile: Annotated[bool, typer.Option("--profile", help="Also tell where the time goes: table and trace.")] = False,
    force: Force = False,
) -> None:
    """Train objectives at a matched budget, and print their leaderboard. The same command resumes."""
    from harness.launch import invocation
    from harness.report.archive import refuse_losing

    changes = changes_of(change, model, data, engine)
    changes += [("budget", parse_budget(budget))] if budget else []
    sys.path.insert(0, os.getcwd())  # one's own objective, from where the command is typed
    names = names_of(algos)
    planned = invocation.plan(suite, changes, names, parse_seeds(seeds), regime or [])
    refuse_losing(out / planned.suite.name, [config.run_id for config in planned.runs], force=force)
    how = invocation.Execution(out=out, tracking_uri=tracking_uri, workers=workers, fresh=fresh, profiled=profile)
    if not invocation.invoke(planned, how, console):
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
    data: Data = None,
    change: Change = None,
    workers: Workers = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Fresh = False,
) -> None:
    """Search each objective's settings on validation problems, with equal trials. The same command resumes."""
    from harness.launch.invocation import Execution
    from harness.studies.tuning import command

    sys.path.insert(0, os.getcwd())
    how = Execution(out=out, tracking_uri=tracking_uri, workers=workers, fresh=fresh)
    changes = changes_of(change, model, data, engine)
    if not command.tune(suite, changes, names_of(algos), regime or [], trials, how, console):
        raise typer.Exit(INTERRUPTED)


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
    baseline: Annotated[str | None, typer.Option(help="What differences are taken to; default: the suite's.")] = None,
    out: Out = OUT,
    force: Force = False,
) -> None:
    """Rebuild a suite's tables, pictures and page from its runs, or from some of them."""
    from harness.config.suites import load_suite
    from harness.report.commands import make_leaderboard
    from harness.report.numbers.selection import Selection

    chosen = parse_seeds(seeds)
    selection = Selection(
        algos=tuple(names_of(algos)) if algos else None,
        regimes=tuple(chosen_regime(name) for name in regime) if regime else None,
        seeds=tuple(chosen) if chosen else None,
        budget=chosen_budget(budget) if budget else None,
        match=match,
    )
    loaded = load_suite(suite, [("baseline", baseline)] if baseline else [])
    make_leaderboard(loaded, selection, source, out, console, force=force)


@app.command()
@one_sentence
def compare(
    a: Annotated[str, typer.Argument(help="An objective, a run id, or the key of a row.")],
    b: Annotated[str, typer.Argument(help="What it is compared with.")],
    suite: Suite = "tiny-arithmetic",
    source: From = None,
    regime: Annotated[str | None, typer.Option(help="Where they ran in several.")] = None,
    match: Match = None,
    out: Out = OUT,
) -> None:
    """Two objectives or two runs: the difference, the problems gained and lost, what each cost."""
    from harness.config.suites import load_suite
    from harness.report.commands import make_comparison
    from harness.report.numbers.selection import Selection

    if a == b:
        raise HarnessError(f"compare names {a} twice; name two objectives, or two runs")
    wanted = chosen_regime(regime) if regime else None
    make_comparison(load_suite(suite), (a, b), wanted, Selection(match=match), source, out, console)


@app.command()
@one_sentence
def export(suite: Suite, out: Out = OUT, force: Force = False) -> None:
    """Put a suite's runs into one small file, which leaderboard and compare read with --from."""
    from harness.config.suites import load_suite
    from harness.report import commands

    commands.export(load_suite(suite), out, console, force=force)


@app.command()
@one_sentence
def publish(
    suite: Suite,
    out: Out = OUT,
    to: Annotated[Path, typer.Option(help="Where published results are kept, a folder a suite.")] = Path("results"),
    force: Force = False,
) -> None:
    """Write a suite's leaderboard and its runs in one file to a folder that is kept, such as results/."""
    from harness.config.suites import load_suite
    from harness.report import commands

    commands.publish(load_suite(suite), out, to, console, force=force)


@app.command(name="eval")
@one_sentence
def eval_(
    model: Annotated[str, typer.Option(help="A hub id, a local directory, a .gguf file, or a run's id or directory.")],
    tasks: Annotated[str | None, typer.Option(help="Comma-separated, such as gsm8k,math500.")] = None,
    lm_eval: Annotated[
        str | None, typer.Option(help="Tasks of lm-evaluation-harness, such as gsm8k_local,math500_local.")
    ] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Samples a problem; default 4.")] = None,
    problems: Annotated[int | None, typer.Option(min=1, help="The first so many of each task; default: all.")] = None,
    data: Data = None,
    engine: Engine = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, such as max_tokens=256.")] = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is there already.")] = False,
) -> None:
    """A model on tasks, without training: accuracy, pass@k, majority, greedy; beside all models measured so."""
    from harness.studies.evals.command import evaluate_model
    from harness.studies.evals.settings import eval_suite

    given = {"k": k, "problems": problems, "compute.engine": engine}
    changes = changes_of(change, None, None, None) + [(key, value) for key, value in given.items() if value is not None]
    named, stock = (names_of(text) if text else [] for text in (tasks, lm_eval))
    suite = eval_suite(model, named, stock, data, changes)
    options = {"--model": model, "--tasks": tasks, "--lm-eval": lm_eval, "--data": data}
    command = command_line("eval", options, changes)
    evaluate_model(suite, out, tracking_uri, fresh=fresh, command=command, console=console)


@app.command(name="list")
@one_sentence
def list_(
    kind: Annotated[str, typer.Argument(help="objectives, suites, tasks or engines; default: all.")] = "all",
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
    data: Data = None,
    change: Change = None,
) -> None:
    """What is installed, and what a suite would see: the exact prompt of one problem."""
    from harness.config.suites import load_suite
    from harness.studies.doctor import examine

    examine(load_suite(suite, changes_of(change, model, data, engine)) if suite else None, console)


@app.command()
@one_sentence
def plan(
    suite: Suite,
    gpu: Annotated[str, typer.Option(help="Which GPU, such as h100.")],
    algos: Annotated[str, typer.Option(help="Arms, comma-separated.")] = "agro,grpo,ppo",
    engine: Engine = None,
    model: Model = None,
    change: Change = None,
    memory: Annotated[float | None, typer.Option(min=1, help="GiB, where the GPU has another size.")] = None,
    prompt_tokens: Annotated[int | None, typer.Option(min=1, help="Mean of a prompt; default: the longest.")] = None,
    completion_tokens: Annotated[int | None, typer.Option(min=1, help="Mean of a completion; likewise.")] = None,
) -> None:
    """What a suite's runs need of a GPU, memory and hours; refused where they do not fit. Loads no weights."""
    from harness.config.suites import load_suite
    from harness.studies.planning.estimate import estimate

    loaded = load_suite(suite, changes_of(change, model, None, engine))
    names = names_of(algos)
    estimate(loaded, names, gpu, console, memory_gib=memory, prompt=prompt_tokens, completion=completion_tokens)


@app.command()
@one_sentence
def sync(out: Out = OUT, tracking_uri: Uri = None) -> None:
    """Publish to MLflow what has not been published yet; twice is the same as once."""
    from harness.launch.syncing import sync_all

    sync_all(out, tracking_uri, console)


@app.command()
@one_sentence
def tabular(
    algos: Annotated[str | None, typer.Option(help="Objectives, comma-separated; default: all built-in ones.")] = None,
    problems: Annotated[int, typer.Option(help="Random problems that each number is a mean over.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the problems.")] = 0,
    out: Out = OUT,
) -> None:
    """The paper's Figure 1: where each objective converges on problems that are known exactly."""
    from harness.studies.tabular import study

    sys.path.insert(0, os.getcwd())
    study(out, console, problems=problems, seed=seed, algos=names_of(algos) if algos else None)


@app.command(name="make-base")
@one_sentence
def make_base(
    name: Annotated[str, typer.Argument(help="Which embedded model: tiny-arithmetic, tiny-gcd.")],
    out: Annotated[Path, typer.Option(help="Where to write it.")] = Path("base"),
) -> None:
    """Train an embedded base model again, bit for bit; minutes on one thread."""
    from harness.embedded.bases import BASES
    from harness.embedded.bases.training import make_base

    if name not in BASES:
        raise HarnessError(f"no embedded model {name!r}; there are: {', '.join(BASES)}")
    make_base(BASES[name], out / name, report=console.print)
    console.print(f"written to {out / name}")
