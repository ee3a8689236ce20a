"""``harness eval``: one model on several tasks. Existing measurements are not repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evaluators.formats import Asking
from evaluators.grading.grader import Grader
from evaluators.lm_eval.evaluation import refuse_unknown_tasks
from evaluators.types import Problem
from harness.errors import HarnessError
from harness.launch.machine import settle_model
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.records.out_dir import OutDir
from harness.rollout.asking import posed
from harness.rollout.engines import make_engine
from harness.rollout.engines.engine import RolloutEngine
from harness.rollout.problems import fingerprint
from harness.studies.evals.lm_eval import CONTEXT_CACHE_GIB, measure_lm_eval
from harness.studies.evals.measure import Measured, measure
from harness.studies.evals.models import resolve
from harness.studies.evals.problems import asked_of
from harness.studies.evals.results import EvalStore, Examinee
from harness.studies.evals.settings import EvalSettings, EvalSuite, LmEvalSettings
from harness.studies.evals.tables import as_json, tables, write_tables
from harness.studies.evals.to_mlflow import publish
from harness.terminal import Terminal


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """A model that is ready to be measured."""

    policy: Policy
    engine: RolloutEngine
    console: Terminal


def evaluate_model(
    suite: EvalSuite, out: Path, tracking_uri: str | None, *, fresh: bool, command: str, console: Terminal
) -> list[str]:
    """Measure and publish a model, and print the table of all models with these settings. Returns the settings' keys.

    Raises:
        HarnessError, TaskError: the model, a task or the store does not exist, or a prompt is too long for the model.
    """
    out_dir, evals = OutDir(out), EvalStore(out)
    examinee, keys = measured(suite, out_dir, fresh=fresh, command=command, console=console)
    write_tables(evals.read(), evals.root)
    found = evals.read(keys)
    console.show(tables(found, explain=console.explain), lambda: as_json(found))
    console.say(f"wrote evals.md, evals.json, evals.csv and all completions to {evals.root}")
    publish([evals.folder(key, examinee) for key in keys], tracking_uri or out_dir.tracking_uri, out_dir, console)
    return keys


def measured(
    suite: EvalSuite, out_dir: OutDir, *, fresh: bool, command: str, console: Terminal
) -> tuple[Examinee, list[str]]:
    """Measure a model on all tasks, unless the store has this measurement. Returns the model and the settings' keys.

    Raises:
        HarnessError, TaskError: as for :func:`evaluate_model`.
    """
    out_dir.prepare()
    if suite.lm_eval:
        refuse_unknown_tasks([one.task for one in suite.lm_eval])
    candidate = resolve(suite.model.path, out_dir)
    model, compute, choices = settle_model(
        suite.model.model_copy(update={"path": candidate.path}), suite.compute, adapted=False
    )
    asked = [asked_of(settings, candidate) for settings in suite.tasks]
    for line in (*choices, *(one.told for one in asked if one.told)):
        console.say(line)
    for one in asked:
        one.refuse_without_examples()  # here, because a large model takes minutes to load
    torch.set_num_threads(compute.threads)
    policy = load_policy(model, temperature=1.0)
    askings = {one.settings.key: one.asking(chats=policy.chats) for one in asked}
    problems = {one.settings.key: posed(one.problems, askings[one.settings.key]) for one in asked}
    examinee = Examinee(
        name=candidate.name, weights=policy.fingerprint(), model=model, compute=compute, command=command
    )
    evals = EvalStore(out_dir.root)
    wanted: list[EvalSettings | LmEvalSettings] = [*(one.settings for one in asked), *suite.lm_eval]
    hashes = {key: fingerprint(part) for key, part in problems.items()}
    lacking = [one for one in wanted if fresh or not evals.has(one.key, examinee, hashes.get(one.key))]
    if lacking:
        contexts = [_context(one, policy, problems[one.key]) for one in lacking if isinstance(one, EvalSettings)]
        if any(isinstance(one, LmEvalSettings) for one in lacking):  # the lengths of their prompts are not known yet
            contexts.append(policy.context_limit or max(contexts))
            compute = compute.model_copy(update={"kv_cache_gib": compute.kv_cache_gib or CONTEXT_CACHE_GIB})
        engine = make_engine(policy, compute, max(contexts))
        bench = Bench(policy=policy, engine=engine, console=console)
    for settings in lacking:
        if isinstance(settings, LmEvalSettings):
            with console.waiting(f"lm-eval {settings.task}"):
                evals.save_lm_eval(examinee, settings, *measure_lm_eval(settings, policy, engine))
        else:
            asking, part = askings[settings.key], problems[settings.key]
            found = _measure(settings, asking, bench, part)
            evals.save(examinee, settings, asking.form.name, hashes[settings.key], found)
    return examinee, [settings.key for settings in wanted]


def _context(settings: EvalSettings, policy: Policy, problems: Sequence[Problem]) -> int:
    """The number of tokens of the longest prompt with its completion."""
    tokens = {problem.id: len(policy.encode(problem.prompt, problem.framing)) for problem in problems}
    longest = max(tokens, key=lambda problem: tokens[problem])
    context, limit = tokens[longest] + settings.max_tokens, policy.context_limit
    if limit and context > limit:
        raise HarnessError(
            f"{settings.task.name}: the prompt of problem {longest} has {tokens[longest]} tokens, and with max_tokens="
            f"{settings.max_tokens} this exceeds the model's context of {limit}; give a smaller --set max_tokens"
        )
    return context


def _measure(settings: EvalSettings, asking: Asking, bench: Bench, problems: Sequence[Problem]) -> Measured:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = bench.console.level == "quiet" or not bench.console.is_terminal
    with Progress(*columns, console=bench.console, transient=True, disable=hidden) as progress, Grader() as grader:
        bar = progress.add_task(settings.task.name, total=len(problems))
        return measure(
            settings,
            asking,
            bench.policy,
            bench.engine,
            grader,
            problems,
            lambda done: progress.advance(bar, done),
        )
