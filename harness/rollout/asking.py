"""How the problems of a task are asked: the answer format for model and task, and its solved examples."""

from collections.abc import Callable, Sequence

from evaluators.formats import FORMATS, OWN, AnswerFormat, Asking
from evaluators.tasks import asks_itself, task_of
from evaluators.types import Problem
from harness.config.settings import TaskSettings
from harness.errors import HarnessError


def asking_of(task: TaskSettings, *, chats: bool, train: Callable[[], Sequence[Problem]]) -> Asking:
    """How a model is asked the problems of ``task``.

    Args:
        chats: whether the model's tokenizer has a chat template.
        train: returns the training problems, the first of which become solved examples. Only called if needed.

    Raises:
        HarnessError: the settings need a chat template or more examples than there are.
    """
    form = format_of(task, chats=chats)
    chat = chats and form.chat
    turns = chat if task.few_shot_as == "auto" else task.few_shot_as == "turns"
    count = examples_shown(task, chats=chats)
    if count and turns and not chat:
        raise HarnessError(
            "task.few_shot_as=turns needs a chat template, but the model or the answer format has none; use text"
        )
    examples = tuple(train()[:count]) if count else ()
    if len(examples) < count:
        raise HarnessError(
            f"task.few_shot={count} needs more solved examples than the {len(examples)} training problems of "
            f"{task.name}; use a smaller number"
        )
    return Asking(form=form, chat=chat, examples=examples, turns=turns, system=task.system, prefill=task.prefill)


def examples_shown(task: TaskSettings, *, chats: bool) -> int:
    """The number of solved examples in each prompt."""
    return format_of(task, chats=chats).examples if task.few_shot is None else task.few_shot


def format_of(task: TaskSettings, *, chats: bool) -> AnswerFormat:
    """The answer format of the task, with ``auto`` resolved as described in :class:`TaskSettings`."""
    if task.format != "auto":
        return FORMATS[task.format]
    known = task_of(task.name)
    prompts = known is not None and known.prompts
    if asks_itself(task.name, task.options) or (prompts and not chats):
        return FORMATS[OWN]
    return FORMATS["boxed" if chats else "hash"]


def posed(problems: Sequence[Problem], asking: Asking) -> list[Problem]:
    """The problems in the form of prompts. Solved examples are left out, because every prompt contains their answers.

    Raises:
        HarnessError: all problems are solved examples.
    """
    shown = {example.id for example in asking.examples}
    left = [asking.pose(problem) for problem in problems if problem.id not in shown]
    if problems and not left:
        raise HarnessError(
            f"task.few_shot={len(shown)} shows all {len(problems)} problems as solved examples, so none is left to "
            "ask; use a smaller number"
        )
    return left
