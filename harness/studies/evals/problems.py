"""The problems of an evaluation: one split, or all problems if the data have no splits."""

from dataclasses import dataclass
from pathlib import Path

from evaluators.formats import Asking
from evaluators.tasks import load_problems, load_whole
from evaluators.types import Problem, Split
from harness.config.naming import own_data
from harness.config.settings import TaskSettings
from harness.errors import HarnessError
from harness.rollout.asking import asking_of, examples_shown
from harness.studies.evals.models import Candidate
from harness.studies.evals.settings import EvalSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The problems of one task."""

    settings: EvalSettings
    """The settings with the chosen split."""
    problems: list[Problem]
    told: str
    """A remark on the choice for the reader, or empty."""

    def asking(self, *, chats: bool) -> Asking:
        """How a model is asked these problems. ``chats``: whether its tokenizer has a chat template."""
        return asking_of(self.settings.task, chats=chats, train=self._training_problems)

    def refuse_without_examples(self) -> None:
        """Refuse prompts with solved examples if there are no training problems.

        Raises:
            TaskError: they cannot be loaded.
        """
        if any(examples_shown(self.settings.task, chats=chats) for chats in (False, True)):
            self._training_problems()

    def _training_problems(self) -> list[Problem]:
        task = self.settings.task
        return load_problems(task.name, Split.TRAIN, data=task.data, **task.options)


def asked_of(settings: EvalSettings, candidate: Candidate) -> Asked:
    """The problems that ``settings`` asks of a model.

    If the data have no splits, all problems are asked. A run that was trained on them has seen its train split, so it
    is asked only its test split, as in training.

    Raises:
        HarnessError: ``split`` is all, but the data have splits.
        TaskError: the task cannot be loaded.
    """
    task, split = settings.task, settings.split
    whole = load_whole(task.name, data=task.data, **task.options) if split in ("auto", "all") else None
    if split == "all" and whole is None:
        raise HarnessError(f"split=all: the data of {task.name} have splits; choose test or validation")
    seen = candidate.trained_on is not None and _same_data(task, candidate.trained_on)
    if whole is not None and not (seen and split == "auto"):
        told = (
            f"{own_data(task)}: all {len(whole)} problems are asked; a model that was trained on them has seen most of "
            "them, so give such a model by its run id: then only its test split is asked"
        )
        return Asked(settings=_with(settings, "all"), problems=whole[: settings.problems], told=told)
    settings = _with(settings, "test" if split == "auto" else split)
    problems = load_problems(task.name, Split(settings.split), data=task.data, **task.options)
    told = (
        ""
        if whole is None
        else (
            f"{own_data(task)}: only the {len(problems)} test problems of {len(whole)} are asked, because "
            f"{candidate.name} was trained on others; use --set split=test to ask other models the same"
        )
    )
    return Asked(settings=settings, problems=problems[: settings.problems], told=told)


def _with(settings: EvalSettings, split: str) -> EvalSettings:
    return settings.model_copy(update={"split": split})


def _same_data(one: TaskSettings, other: TaskSettings) -> bool:
    """Whether both read the same file, folder or dataset of the hub."""
    if one.data is None or other.data is None:
        return one.data is other.data and bool(own_data(one)) and own_data(one) == own_data(other)
    return Path(one.data).resolve() == Path(other.data).resolve()
