"""``harness eval``: one model on several tasks; what is measured already is not measured again."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evaluators.accuracy import write_records
from evaluators.grading import GRADER_VERSION, Grader
from evaluators.tasks import load_problems
from evaluators.types import Problem, Split
from harness.errors import HarnessError
from harness.evals.measure import Measured, measure
from harness.evals.models import resolve
from harness.evals.publishing import publish
from harness.evals.settings import EvalConfig, slug
from harness.evals.tables import read_evals, tables, write_tables
from harness.journal import Record
from harness.loading import load_policy
from harness.machine import settle_model
from harness.opening import fingerprint
from harness.policy import Policy
from harness.provenance import versions
from harness.rollout import make_engine
from harness.rollout.engine import RolloutEngine
from harness.store import Store

FOLDER = "evals"
RESULT = "eval.json"


def evaluate_model(
    configs: Sequence[EvalConfig], out: Path, tracking_uri: str | None, *, fresh: bool, command: str, console: Console
) -> None:
    """Measure, publish, and print the table of all models that were measured with these settings.

    Raises:
        HarnessError, TaskError: model, task or store is not there, or a prompt is too long for the model.
    """
    store = Store(out)
    store.prepare()
    name, path = resolve(configs[0].model.path, store)
    model, compute, choices = settle_model(
        configs[0].model.model_copy(update={"path": path}), configs[0].compute, adapted=False
    )
    problems = [_problems(config) for config in configs]
    torch.set_num_threads(compute.threads)
    policy = load_policy(model, configs[0].settings.temperature)
    weights = policy.fingerprint()
    folders = [out / FOLDER / config.settings.key / f"{slug(name)}-{weights[:8]}" for config in configs]
    for choice in choices:
        console.print(choice, highlight=False)
    todo = [place for place, folder in enumerate(folders) if fresh or not (folder / RESULT).is_file()]
    if todo:
        context = max(_context(configs[place], policy, problems[place]) for place in todo)
        engine = make_engine(policy, compute, context)
        engine.sync(policy)
    for place in todo:
        config = configs[place].model_copy(update={"model": model, "compute": compute})
        measured = _measure(config, policy, engine, problems[place], console)
        record = _record(config, name, weights, problems[place], measured.summary, command)
        _save(folders[place], record, measured)
    keys = [config.settings.key for config in configs]
    found = read_evals(out / FOLDER, keys)
    write_tables(read_evals(out / FOLDER), out / FOLDER)
    console.print(tables(found), highlight=False)
    console.print(f"written: {out / FOLDER}: evals.md, evals.json, evals.csv, and every completion")
    publish(folders, tracking_uri or store.tracking_uri, store, console)


def _problems(config: EvalConfig) -> list[Problem]:
    task = config.settings.task
    found = load_problems(task.name, Split(config.settings.split), data=task.data, **task.options)
    return found[: config.settings.problems]


def _context(config: EvalConfig, policy: Policy, problems: Sequence[Problem]) -> int:
    """Tokens of the longest prompt with its completion."""
    longest = max(problems, key=lambda problem: len(policy.encode(problem.prompt)))
    prompt, new = len(policy.encode(longest.prompt)), config.settings.max_tokens
    limit = getattr(policy.model.config.get_text_config(), "max_position_embeddings", None) or prompt + new
    if prompt + new > limit:
        raise HarnessError(
            f"{config.settings.task.name}: the prompt of problem {longest.id} has {prompt} tokens, and with "
            f"max_tokens={new} that is more than the {limit} that {config.model.path} takes; --set max_tokens lower"
        )
    return prompt + new


def _measure(
    config: EvalConfig, policy: Policy, engine: RolloutEngine, problems: Sequence[Problem], console: Console
) -> Measured:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, Grader() as grader:
        bar = progress.add_task(config.settings.task.name, total=len(problems))
        return measure(config.settings, policy, engine, grader, problems, lambda done: progress.advance(bar, done))


def _record(
    config: EvalConfig, name: str, weights: str, problems: Sequence[Problem], summary: Record, command: str
) -> Record:
    return {
        "model": name,
        "path": config.model.path,
        "weights": weights,
        "key": config.settings.key,
        "settings": config.settings.model_dump(mode="json"),
        "computed": config.compute.model_dump(mode="json") | config.model.model_dump(mode="json", exclude={"path"}),
        "problems_hash": fingerprint(problems),
        "summary": summary,
        "versions": versions() | {"grader": GRADER_VERSION},
        "command": command,
        "time": time.time(),
    }


def _save(folder: Path, record: Record, measured: Measured) -> None:
    """The result last: with it, all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records(measured.samples, folder / "samples.parquet")
    write_records(measured.greedy, folder / "greedy.parquet")
    partial = folder / f".{RESULT}.{os.getpid()}"
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / RESULT)
