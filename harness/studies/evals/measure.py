"""One model on one task: samples, greedy completions, and their accuracies."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.formats import Asking
from evaluators.grading.comparison import canonical
from evaluators.grading.grader import Grade, Grader
from evaluators.statistics.accuracy import SampleRecord, majority_at_k, pass_at_k
from evaluators.types import Problem, Verdict
from harness.models.policy import Policy
from harness.report.numbers.interval import Interval
from harness.rollout.engines.engine import RolloutEngine, Sampling, sample_groups
from harness.rollout.grading import Grading, grade_groups, verdict
from harness.rollout.groups import Group
from harness.seeds import Purpose, derive_seed
from harness.studies.evals.document import OwnSummary
from harness.studies.evals.settings import EvalSettings
from harness.training.evaluation import records_of, summary_of

CHUNK = 128
"""The number of problems that are sampled together. The samples depend on it."""


def correct_of(groups: Sequence[Group], grading: Grading) -> NDArray[np.bool_]:
    """[problems, samples] whether the verdict on each completion is correct. Rewards do not matter here."""
    return np.array([[verdict(grade, grading) is Verdict.CORRECT for grade in group.grades] for group in groups])


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The numbers and all completions: the samples and the greedy ones."""

    summary: OwnSummary
    samples: list[SampleRecord]
    greedy: list[SampleRecord]


def measure(
    settings: EvalSettings,
    asking: Asking,
    policy: Policy,
    engine: RolloutEngine,
    grader: Grader,
    problems: Sequence[Problem],
    advance: Callable[[int], None],
) -> Measured:
    """Measure a model on ``problems``. Calls ``advance`` with the number of problems that were just done."""
    started = time.perf_counter()
    sampled: list[Group] = []
    greedy: list[Group] = []
    for first in range(0, len(problems), CHUNK):
        part = problems[first : first + CHUNK]
        seed = derive_seed(settings.seed, Purpose.TEST, first)
        for n, temperature, found in ((settings.k, settings.temperature, sampled), (1, 0.0, greedy)):
            sampling = Sampling(
                temperature=temperature,
                max_tokens=settings.max_tokens,
                stop=(*settings.stop, *asking.stop),
                top_p=settings.top_p,
                top_k=settings.top_k,
            )
            groups = sample_groups(engine, policy, part, n, sampling, seed)
            found += grade_groups(grader, groups, settings.task.grading, asking.form.marker)
        advance(len(part))
    seconds = time.perf_counter() - started
    return Measured(
        summary=_summary(settings, sampled, greedy, seconds),
        samples=records_of(sampled),
        greedy=records_of(greedy),
    )


def _summary(settings: EvalSettings, sampled: Sequence[Group], greedy: Sequence[Group], seconds: float) -> OwnSummary:
    grading = settings.task.grading
    correct = correct_of(sampled, grading)  # [problems, k]
    answers = [[answer_of(grade, grading) for grade in group.grades] for group in sampled]
    found = summary_of(sampled, grading)
    return OwnSummary(
        problems=len(sampled),
        k=settings.k,
        acc_at_1=Interval.over_problems(correct.mean(axis=1)),
        pass_at_k=Interval.over_problems(pass_at_k(correct, settings.k)),
        maj_at_k=Interval.over_problems(majority_at_k(correct, answers)),
        greedy=Interval.over_problems(correct_of(greedy, grading)[:, 0]),
        sampled_tokens=sum(len(c.ids) for group in (*sampled, *greedy) for c in group.completions),
        completion_tokens=found.completion_tokens,
        truncated=found.truncated,
        unparsed=found.unparsed,
        grader_timeouts=found.grader_timeouts,
        grader_errors=found.grader_errors,
        audit_paid=found.audit_paid,
        audit_missed=found.audit_missed,
        seconds=seconds,
    )


def answer_of(grade: Grade, grading: Grading) -> str | None:
    """The answer in canonical form, which equal answers share; None for no answer."""
    if grade.extracted is None or verdict(grade, grading) is Verdict.UNPARSED:
        return None
    return canonical(grade.extracted)
