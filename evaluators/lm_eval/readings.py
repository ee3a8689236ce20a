"""Our strict and lenient accuracy for the texts of an lm-eval task, in addition to its own metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from evaluators.grading.cut import without_cut_word
from evaluators.grading.grader import Grade
from evaluators.lm_eval.generation import Generated
from evaluators.lm_eval.tasks.judging import GRADER
from evaluators.tasks import load_problems
from evaluators.types import Split, Verdict

Readings = dict[int, dict[str, float]]
"""``strict`` and ``lenient`` by document: 1 if the first response is correct, otherwise 0."""


def readings(task: Any, generated: Mapping[int, Sequence[Generated]], data: Path | None) -> Readings:
    """The readings if ``metadata.also_read_as`` names one of our tasks with the same documents; otherwise none."""
    ours = (task.config.metadata or {}).get("also_read_as")
    if not ours:
        return {}
    problems = load_problems(ours, Split.TEST, data=data)
    docs = sorted(generated)
    responses = [generated[doc][0] for doc in docs]
    texts = [without_cut_word(response.text, truncated=response.truncated) for response in responses]
    grades = GRADER.grade([(problems[doc].answer, text) for doc, text in zip(docs, texts, strict=True)])
    return {doc: _shares(grade) for doc, grade in zip(docs, grades, strict=True)}


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error, as in lm-eval. A single value has no error."""
    return fmean(values), stdev(values) / len(values) ** 0.5 if len(values) > 1 else None


def _shares(grade: Grade) -> dict[str, float]:
    return {"strict": float(grade.strict is Verdict.CORRECT), "lenient": float(grade.lenient is Verdict.CORRECT)}
