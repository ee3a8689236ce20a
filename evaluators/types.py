"""Problems, splits and the grader's verdicts."""

from dataclasses import dataclass
from enum import StrEnum


class TaskError(ValueError):
    """A task that cannot be built: unknown name, missing or malformed data. One sentence for its user."""


class Split(StrEnum):
    """Disjoint parts of a task's problems."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Verdict(StrEnum):
    """The grader's verdict on one completion. Only ``CORRECT`` earns a reward."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    """No answer was found in the text."""
    TIMEOUT = "timeout"
    """The comparison took too long, or the answer is so large that it would have."""
    ERROR = "error"
    """The comparison failed with an exception or ran out of memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rubric:
    """The scorer of a problem that has more than one correct answer, and the scorer's input."""

    scorer: str
    """Such as ``reasoning_gym:countdown``."""
    entry: str
    """The scorer's data about the problem, as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Framing:
    """The context of the prompt: system message, examples and prefill."""

    system: str = ""
    """The system message. Without a chat template, it is put before the prompt."""
    examples: tuple[tuple[str, str], ...] = ()
    """Earlier turns of the chat: pairs of a user message and an assistant message."""
    prefill: str = ""
    """The start of the assistant's turn. It is not sampled, but the grader reads it as well."""
    chat: bool = True
    """Whether the chat template is applied if the tokenizer has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One question with a verifiable answer."""

    id: str
    """The id, which is stable across versions and machines, and unique within a task."""
    prompt: str
    """The text a model completes; for a chat model, the user's message."""
    answer: str
    split: Split
    question: str = ""
    """The question without the prompt's template; empty if the prompt is the question."""
    rubric: Rubric | None = None
    """Scores answers instead of comparing them with ``answer``, which is then one of several correct answers."""
    solution: str = ""
    """The worked solution, without the marker of the answer; empty if there is none."""
    framing: Framing = Framing()

    @property
    def asked(self) -> str:
        """The question without the prompt's template."""
        return self.question or self.prompt
