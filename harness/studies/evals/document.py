"""What ``eval.json`` holds: a model on one task, its settings and its numbers."""

from dataclasses import dataclass
from typing import TypeAlias

from harness.config.naming import own_data
from harness.records.graders import grader_of
from harness.report.numbers.interval import Interval
from harness.studies.evals.settings import EvalSettings, LmEvalSettings

OURS = frozenset(("strict", "lenient"))
"""Scores of lm-eval tasks that are our grader's."""
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnSummary:
    """A task of ours; intervals are over problems."""

    problems: int
    k: int
    """Samples a problem."""
    acc_at_1: Interval
    pass_at_k: Interval
    maj_at_k: Interval
    greedy: Interval
    sampled_tokens: int
    """In all."""
    completion_tokens: float
    """Mean length of a sample; what follows are shares of the samples."""
    truncated: float
    unparsed: float
    grader_timeouts: float
    grader_errors: float
    audit_paid: float
    audit_missed: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Score(Interval):
    """A metric of lm-eval, over problems."""

    of_lm_eval: float
    """The same by lm-eval's own aggregation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEvalSummary:
    """A task of lm-evaluation-harness."""

    problems: int
    task_version: str
    fewshot: int
    """Solved examples in each prompt."""
    lm_eval: str
    """Its version."""
    scores: dict[str, Score]
    """By metric and, where there is one, filter."""
    completion_tokens: float
    truncated: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """A model, how it was computed, and what was asked of it."""

    model: str
    """Its name in tables."""
    path: str
    weights: str
    """A hash of them."""
    key: str
    """Of the settings: models are compared where it is equal."""
    settings: EvalSettings | LmEvalSettings
    computed: dict[str, Scalar]
    """The model's and the computer's settings."""
    versions: dict[str, str]
    command: str
    time: float
    """When it was done, in seconds since 1970."""

    @property
    def grader(self) -> str:
        """Whose verdicts these are: of our grader, unless a class says otherwise."""
        return grader_of(self.versions)

    @property
    def task(self) -> str:
        """As MLflow's keys name it."""
        return self.key.rpartition("-")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnEval(Evaluated):
    """By our samples and our grader."""

    settings: EvalSettings
    answer_format: str
    """By which this model was asked; where the settings leave it to the model, others may be asked by another."""
    problems_hash: str
    """Of what it was asked."""
    summary: OwnSummary

    @property
    def headline(self) -> float:
        """What models are ordered by."""
        return self.summary.acc_at_1.mean

    @property
    def title(self) -> str:
        """The task, and what was asked of every model."""
        asked, task = self.settings, self.settings.task
        own = own_data(task)
        form = "" if task.format == "auto" else f", asked as {task.format}"
        return (
            f"{task.name}{f' {own}' if own else ''}, {asked.split}{form}: {_counted(self)}, "
            f"k = {asked.k} at temperature {asked.temperature:g}, up to {asked.max_tokens} tokens, seed {asked.seed}, "
            f"{task.grading} grading by grader {self.grader}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEval(Evaluated):
    """By lm-evaluation-harness."""

    settings: LmEvalSettings
    summary: LmEvalSummary

    @property
    def grader(self) -> str:
        """Of our readings, where the task has them; else lm-eval's own, which its version names."""
        return grader_of(self.versions) if OURS & self.summary.scores.keys() else ""

    @property
    def headline(self) -> float:
        """What models are ordered by: the task's first metric."""
        return next(iter(self.summary.scores.values())).mean

    @property
    def title(self) -> str:
        """The task, and what was asked of every model."""
        asked, summary = self.settings, self.summary
        return (
            f"lm-eval {asked.task}: {_counted(self)}, {summary.fewshot} solved examples, seed {asked.seed}, "
            f"task version {summary.task_version} of lm-eval {summary.lm_eval}"
            + (f", strict and lenient by grader {self.grader}" if self.grader else "")
        )


EvalResult: TypeAlias = OwnEval | LmEval


def _counted(result: EvalResult) -> str:
    """How many problems were asked, and that they were not all of them where ``--limit`` says so."""
    return f"{'the first ' * bool(result.settings.problems)}{result.summary.problems} problems"
