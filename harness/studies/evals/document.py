"""The content of ``eval.json``: one model on one task, with its settings and numbers."""

from dataclasses import dataclass
from typing import TypeAlias

from harness.config.naming import own_data
from harness.config.settings import Settings
from harness.records.graders import grader_of
from harness.report.numbers.interval import Interval
from harness.studies.evals.settings import EvalSettings, LmEvalSettings

OURS = frozenset(("strict", "lenient"))
"""Scores of lm-eval tasks that our grader computes."""
WORDS = frozenset(("task", "split", "problems", "k", "temperature", "max_tokens", "seed"))
TASK_WORDS = frozenset(("name", "data", "options", "format", "grading"))
"""The settings that a title names in words. It shows the others as they are typed, if they were changed."""
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnSummary:
    """The numbers of one of our own tasks. Intervals are over problems."""

    problems: int
    k: int
    """Samples per problem."""
    acc_at_1: Interval
    pass_at_k: Interval
    maj_at_k: Interval
    greedy: Interval
    sampled_tokens: int
    """All tokens, over all samples."""
    completion_tokens: float
    """Mean length of a sample. The next fields are shares of the samples."""
    truncated: float
    unparsed: float
    grader_timeouts: float
    grader_errors: float
    audit_paid: float
    audit_missed: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Score(Interval):
    """A metric of lm-eval, averaged over problems."""

    of_lm_eval: float
    """The value from lm-eval's own aggregation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEvalSummary:
    """The numbers of a task of lm-evaluation-harness."""

    problems: int
    task_version: str
    fewshot: int
    """Solved examples in each prompt."""
    lm_eval: str
    """The version of lm-eval."""
    scores: dict[str, Score]
    """Scores by metric, and by filter if there is one."""
    completion_tokens: float
    truncated: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """An evaluation of a model: the model, how it was computed, and the settings."""

    model: str
    """The name in tables."""
    path: str
    weights: str
    """A hash of the weights."""
    key: str
    """The key of the settings. Models with equal keys can be compared."""
    settings: EvalSettings | LmEvalSettings
    computed: dict[str, Scalar]
    """The settings of model and computer."""
    versions: dict[str, str]
    command: str
    time: float
    """The time of the evaluation, in seconds since 1970."""

    @property
    def grader(self) -> str:
        """The grader that gave the verdicts: ours, unless a subclass overrides this."""
        return grader_of(self.versions)

    @property
    def task(self) -> str:
        """The name of the task in the metric keys of MLflow."""
        return self.key.rpartition("-")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnEval(Evaluated):
    """An evaluation with our own samples and our grader."""

    settings: EvalSettings
    answer_format: str
    """The answer format of this model's prompts. With ``auto``, other models may have another one."""
    problems_hash: str
    """A hash of the problems."""
    summary: OwnSummary

    @property
    def headline(self) -> float:
        """The number that models are sorted by."""
        return self.summary.acc_at_1.mean

    @property
    def posed(self) -> str:
        """The task with its options, as ``--task`` takes it."""
        task = self.settings.task
        options = ",".join(f"{name}={value}" for name, value in task.options.items())
        return f"{task.name}:{options}" if options else task.name

    @property
    def title(self) -> str:
        """The task and the settings that all models share."""
        asked, task = self.settings, self.settings.task
        own = own_data(task) if task.data else ""  # a dataset of the hub is an option
        form = "" if task.format == "auto" else f", asked as {task.format}"
        posed = f"{self.posed}{f' {own}' if own else ''}, {asked.split}{form}{_changed(task, TASK_WORDS)}"
        return (
            f"{posed}: {_counted(self)}, "
            f"k = {asked.k} at temperature {asked.temperature:g}, up to {asked.max_tokens} tokens"
            f"{_changed(asked, WORDS)}, seed {asked.seed}, {task.grading} grading, grader {self.grader}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LmEval(Evaluated):
    """An evaluation with lm-evaluation-harness."""

    settings: LmEvalSettings
    summary: LmEvalSummary

    @property
    def grader(self) -> str:
        """Our grader if the task uses it, otherwise empty: the version of lm-eval then names its grading."""
        return grader_of(self.versions) if OURS & self.summary.scores.keys() else ""

    @property
    def headline(self) -> float:
        """The number that models are sorted by: the first metric of the task."""
        return next(iter(self.summary.scores.values())).mean

    @property
    def title(self) -> str:
        """The task and the settings that all models share."""
        asked, summary = self.settings, self.summary
        return (
            f"lm-eval {asked.task}: {_counted(self)}, {summary.fewshot} solved examples, seed {asked.seed}, "
            f"task version {summary.task_version} of lm-eval {summary.lm_eval}"
            + (f", strict and lenient scores from grader {self.grader}" if self.grader else "")
        )


EvalResult: TypeAlias = OwnEval | LmEval


def _changed(settings: Settings, named: frozenset[str]) -> str:
    """The settings, apart from those ``named`` elsewhere, that do not have their defaults."""
    others = [name for name in type(settings).model_fields if name not in named and not settings.has_default(name)]
    return "".join(f", {name} {getattr(settings, name)!r}" for name in others)


def _counted(result: EvalResult) -> str:
    """The number of problems in words. With ``--limit``, it says that these are only the first ones."""
    return f"{'the first ' * bool(result.settings.problems)}{result.summary.problems} problems"
