"""``harness eval``, ``plan``, ``tabular``, ``init`` and ``make-base``: commands besides training and reports."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.app import app, objectives_of, one_sentence, say_loading
from harness.cli.options import (
    OUT,
    Change,
    Data,
    Engine,
    Model,
    Most,
    Out,
    Suite,
    Task,
    Until,
    Uri,
)
from harness.cli.telling import telling
from harness.config.arguments import (
    changes_of,
    command_line,
    is_until,
    names_of,
    parse_counts,
    parse_task,
)
from harness.config.layers import refuse_unknown_objectives
from harness.config.suites import load_suite, looks_of
from harness.errors import HarnessError
from harness.studies.evals.settings import eval_suite
from harness.studies.planning.question import Question, refuse_wrong
from harness.terminal import Terminal


@app.command(name="eval")
@one_sentence
@telling(result=True, legend=True)
def eval_(
    model: Annotated[
        str, typer.Option(help="A hub id, a local folder, a .gguf file, or the id or the folder of a run.")
    ],
    tasks: Annotated[str | None, typer.Option(help="Tasks, comma-separated, such as gsm8k,math500.")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="A task with settings, NAME[:VARIANT][:KEY=VALUE,...]. Repeatable.")
    ] = None,
    lm_eval: Annotated[
        str | None, typer.Option(help="Tasks of lm-evaluation-harness, such as gsm8k_local,math500_local.")
    ] = None,
    formats: Annotated[
        str | None, typer.Option(help="Answer formats to compare: boxed, hash, answer_line, few_shot, own.")
    ] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Samples per problem. Default: 4.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "--problems",
            min=1,
            help="Use only this many problems of each task, from the first on. Default: all.",
        ),
    ] = None,
    data: Data = None,
    engine: Engine = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting, KEY=VALUE, such as max_tokens=256.")
    ] = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Repeat existing measurements.")] = False,
    *,
    console: Terminal,
) -> None:
    """Evaluate a model on tasks without training: accuracy, pass@k, majority and greedy, beside comparable models."""
    given = {"k": k, "problems": limit, "compute.engine": engine}
    changes = changes_of(change, None, None, None) + [(key, value) for key, value in given.items() if value is not None]
    named, stock, asked = (names_of(text) if text else [] for text in (tasks, lm_eval, formats))
    chosen = [parse_task(text) for text in [*named, *(task or [])]]
    suite = eval_suite(model, chosen, stock, data, changes, asked)
    options = {"--model": model, "--tasks": tasks, "--lm-eval": lm_eval, "--formats": formats, "--data": data}
    command = command_line("eval", options, changes, tasks=task or [])

    say_loading(console)
    from harness.studies.evals.command import evaluate_model

    evaluate_model(suite, out, tracking_uri, fresh=fresh, command=command, console=console)


@app.command()
@one_sentence
@telling(result=True)
def plan(
    suite: Suite,
    gpu: Annotated[str, typer.Option(help="A GPU, such as h100, or cpu for the cores of this machine.")],
    algos: Annotated[str, typer.Option(help="Arms, comma-separated.")] = "agro,grpo,ppo",
    devices: Annotated[
        str | None, typer.Option(help="The number of devices for all runs, such as 8 or 8,64,512.")
    ] = None,
    parallel: Annotated[
        Literal["replicate", "shard"] | None, typer.Option(help="Let all --devices work on one run, in this way.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="The number of seeds of each arm. Default: the suite's.")
    ] = None,
    engine: Engine = None,
    model: Model = None,
    task: Task = None,
    change: Change = None,
    memory: Annotated[
        float | None,
        typer.Option(min=1, max=1e6, help="The memory of the GPU in GiB, if it differs from the usual size."),
    ] = None,
    prompt_tokens: Annotated[
        int | None, typer.Option(min=1, help="The mean length of a prompt. Default: the longest.")
    ] = None,
    completion_tokens: Annotated[
        int | None, typer.Option(min=1, help="The mean length of a completion. Default: the longest.")
    ] = None,
    until: Until = None,
    max_seeds: Most = None,
    spread: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="With --until: the standard deviation of a paired difference over seeds, in points."
        ),
    ] = None,
    *,
    console: Terminal,
) -> None:
    """Estimate the memory and the time of a suite's runs on any number of devices. Refuse runs that do not fit."""
    names, changes = objectives_of(algos), changes_of(change, model, None, engine, task)
    changes += [("seeds", seeds)] if seeds else []
    looks = None
    if is_until(until, max_seeds, str(seeds) if seeds else None):
        looks = looks_of(load_suite(suite, changes), max_seeds)
        changes.append(("looks", list(looks)))
    asked = Question(
        device=gpu,
        memory=memory,
        prompt=prompt_tokens,
        completion=completion_tokens,
        looks=looks,
        spread=spread,
        devices=parse_counts(devices, "--devices") if devices else (),
        parallel=parallel,
    )
    loaded = load_suite(suite, changes)
    refuse_wrong(loaded, names, asked)

    say_loading(console)
    from harness.studies.planning.estimate import estimate

    estimate(loaded, names, asked, console)


@app.command()
@one_sentence
@telling()
def tabular(
    algos: Annotated[str | None, typer.Option(help="Objectives, comma-separated. Default: all built-in ones.")] = None,
    problems: Annotated[int, typer.Option(min=2, help="The number of random problems to average over.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the problems.")] = 0,
    out: Out = OUT,
    *,
    console: Terminal,
) -> None:
    """Show where each objective converges on exactly solvable problems (the paper's Figure 1), and which ones leak."""
    names = objectives_of(algos) if algos else None
    refuse_unknown_objectives(names or [])

    say_loading(console)
    from harness.studies.tabular import study

    study(out, console, problems=problems, seed=seed, algos=names)


@app.command()
@one_sentence
@telling()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to write them to.")] = Path(), *, console: Terminal
) -> None:
    """Write a commented suite and an objective to start from: my-suite.yaml and my_objective.py."""
    from harness.studies.starting import start

    for path in start(folder):
        console.say(f"wrote {path}")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    console.say(f"try:  {there}harness run --suite my-suite.yaml --algos my-arm,grpo")


@app.command(name="make-base")
@one_sentence
@telling()
def make_base(
    name: Annotated[str, typer.Argument(help="The embedded model, such as tiny-arithmetic.")],
    out: Annotated[Path, typer.Option(help="The folder to write it to.")] = Path("base"),
    *,
    console: Terminal,
) -> None:
    """Train an embedded base model again, bit for bit. This takes minutes on one thread."""
    from harness.embedded.bases import BASES

    if name not in BASES:
        raise HarnessError(f"no embedded model {name!r}; there are: {', '.join(BASES)}")

    say_loading(console)
    from harness.embedded.bases.training import make_base

    make_base(BASES[name], out / name, report=console.say)
    console.say(f"wrote {out / name}")
