"""How a run's model is asked its task's problems: the answer format that fits both, and its solved examples."""

from collections.abc import Callable, Sequence

from evaluators.formats import FORMATS, OWN, AnswerFormat, Asking
from evaluators.tasks import asks_itself, task_of
from evaluators.types import Problem
from harness.config.settings import TaskSettings
from harness.errors import HarnessError


def asking_of(task: TaskSettings, *, chats: bool, train: Callable[[], Sequence[Problem]]) -> Asking:
    """How a model is asked the problems of ``task``.

    Args:
        chats: the model's tokenizer has a chat template.
        train: the training problems, of which the first are the solved examples; called only where there are some.

    Raises:
        HarnessError: the settings ask for turns of a chat or for examples that are not there.
    """
    form = format_of(task, chats=chats)
    chat = chats and form.chat
    turns = chat if task.few_shot_as == "auto" else task.few_shot_as == "turns"
    count = form.examples if task.few_shot is None else task.few_shot
    if count and turns and not chat:
        raise HarnessError(
            "task.few_shot_as=turns needs a chat template, and this model has none or its format uses none; use text"
        )
    examples = tuple(train()[:count]) if count else ()
    if len(examples) < count:
        raise HarnessError(
            f"task.few_shot={count} asks for more solved examples than the {len(examples)} training problems of "
            f"{task.name}; lower it"
        )
    return Asking(form=form, chat=chat, examples=examples, turns=turns, system=task.system, prefill=task.prefill)


def format_of(task: TaskSettings, *, chats: bool) -> AnswerFormat:
    """The format that the task names, or that ``auto`` stands for, as :class:`TaskSettings` has it."""
    if task.format != "auto":
        return FORMATS[task.format]
    known = task_of(task.name.partition(":")[0])
    prompts = known is not None and known.prompts
    if asks_itself(task.name, task.options) or (prompts and not chats):
        return FORMATS[OWN]
    return FORMATS["boxed" if chats else "hash"]


def posed(problems: Sequence[Problem], asking: Asking) -> list[Problem]:
    """The problems as the model is asked them, the solved examples left out: their answers stand in every prompt."""
    shown = {example.id for example in asking.examples}
    return [asking.pose(problem) for problem in problems if problem.id not in shown]
