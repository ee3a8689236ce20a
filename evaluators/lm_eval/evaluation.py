"""Evaluation on tasks of lm-evaluation-harness with a function that generates texts."""

import importlib.util
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.lm_eval.generation import Generate, Generated
from evaluators.lm_eval.readings import Readings, mean_and_error, readings
from evaluators.lm_eval.tasks import load_task, refuse_unknown_task
from evaluators.lm_eval.tasks.judging import GRADER
from evaluators.types import TaskError


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEvalScore:
    """One number of a task."""

    metric: str
    filter: str
    """The filter with which lm-eval extracted the answer; ``none`` for the whole text."""
    value: float
    stderr: float | None
    """The standard error over problems; ``None`` if lm-eval reports none, as for a single problem."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEvalRecord:
    """One problem of a task."""

    doc: int
    """Its index in the task."""
    prompt: str
    target: str
    responses: tuple[str, ...]
    """The responses, several if the task repeats the problem."""
    metrics: Mapping[str, Any]
    """Values by ``metric,filter``. They are numbers, except for metrics of whole corpora."""
    tokens: int
    """The number of sampled tokens of all responses."""
    truncated: int
    """The number of responses that were cut off at the limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEvalResult:
    """The result of lm-eval for one task."""

    task: str
    version: str
    """The version of the task."""
    scores: tuple[LmEvalScore, ...]
    problems: int
    """The number of problems, out of ``available``."""
    available: int
    fewshot: int
    """The number of solved examples in each prompt."""
    seed: int
    lm_eval: str
    """The version of lm-evaluation-harness."""
    records: tuple[LmEvalRecord, ...]


def refuse_unknown_tasks(names: Sequence[str]) -> None:
    """What shows before a model is loaded.

    Raises:
        TaskError: lm-eval is not installed, or has no such task.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise TaskError("tasks of lm-eval need lm-evaluation-harness: pip install '.[lm-eval]'")
    for name in names:
        refuse_unknown_task(name)


def run_tasks(
    names: Sequence[str], generate: Generate, *, data: Path | None, limit: int | None, seed: int
) -> list[LmEvalResult]:
    """One result per task, in order. It does not depend on the other tasks.

    Args:
        names: see :func:`evaluators.lm_eval.tasks.load_task`.
        data: the folder of local tasks' files.
        limit: the number of problems of each task, from the first; None for all.
        seed: selects the few-shot examples; lm-eval's default is 1234.

    Raises:
        TaskError: lm-eval is not installed, a task cannot be loaded, or it asks for more than ``generate`` does.
    """
    refuse_unknown_tasks(names)
    if limit is not None and limit < 1:
        raise TaskError(f"the limit of problems must be at least 1, not {limit}")
    random.seed(seed)  # some tasks use these while they load
    np.random.seed(seed % 2**32)
    tasks = [load_task(name, data) for name in names]
    try:
        return [_run(task, generate, data, limit, seed) for task in tasks]
    finally:
        GRADER.close()


def _run(task: Any, generate: Generate, data: Path | None, limit: int | None, seed: int) -> LmEvalResult:
    from lm_eval.evaluator import evaluate

    from evaluators.lm_eval.adapter import GeneratingModel

    task.set_fewshot_seed(seed)
    model, name = GeneratingModel(generate), task.task_name
    # simple_evaluate is not used, because it lists all installed packages and seeds torch.
    found = evaluate(lm=model, task_dict={"tasks": {name: task}}, limit=limit)
    samples: list[dict[str, Any]] = found["samples"][name]  # one per problem and filter
    ours = readings(task, model.generated, data)
    keys = dict.fromkeys((metric, sample["filter"]) for sample in samples for metric in sample["metrics"])
    return LmEvalResult(
        task=name,
        version=str(found["versions"][name]),
        scores=(*(_score(found["results"][name], metric, kind) for metric, kind in keys), *_own_scores(ours)),
        problems=found["n-samples"][name]["effective"],
        available=found["n-samples"][name]["original"],
        fewshot=found["n-shot"][name],
        seed=seed,
        lm_eval=version("lm_eval"),
        records=_records(samples, model.generated, ours),
    )


def _score(results: Mapping[str, Any], metric: str, kind: str) -> LmEvalScore:
    stderr = results[f"{metric}_stderr,{kind}"]
    return LmEvalScore(
        metric=metric,
        filter=kind,
        value=float(results[f"{metric},{kind}"]),
        stderr=None if stderr == "N/A" else float(stderr),
    )


def _own_scores(ours: Readings) -> Iterator[LmEvalScore]:
    for metric in next(iter(ours.values()), {}):
        value, error = mean_and_error([reading[metric] for reading in ours.values()])
        yield LmEvalScore(metric=metric, filter="none", value=value, stderr=error)


def _records(
    samples: Sequence[Mapping[str, Any]], generated: Mapping[int, Sequence[Generated]], ours: Readings
) -> tuple[LmEvalRecord, ...]:
    metrics: dict[int, dict[str, Any]] = {}
    for sample in samples:
        of_doc = metrics.setdefault(sample["doc_id"], {})
        of_doc |= {f"{metric},{sample['filter']}": _plain(sample[metric]) for metric in sample["metrics"]}
    firsts = {sample["doc_id"]: sample for sample in reversed(samples)}
    return tuple(
        LmEvalRecord(
            doc=doc,
            prompt=firsts[doc]["arguments"][0][0],
            target=str(firsts[doc]["target"]),
            responses=tuple(one.text for one in generated[doc]),
            metrics=metrics[doc] | {f"{metric},none": value for metric, value in ours.get(doc, {}).items()},
            tokens=sum(one.tokens for one in generated[doc]),
            truncated=sum(one.truncated for one in generated[doc]),
        )
        for doc in sorted(firsts)
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
