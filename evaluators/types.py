"""A problem, and what a grader can say of a completion."""

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
    """What the grader says of one completion. Only ``CORRECT`` earns a reward."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    """No answer was found in the text."""
    TIMEOUT = "timeout"
    """The comparison took too long, or would have, to judge by the answer's size."""
    ERROR = "error"
    """The comparison failed, by an exception or by exhausting its memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rubric:
    """Who scores the answers to a problem that has more than one right answer, and from what."""

    scorer: str
    """Such as ``reasoning_gym:countdown``."""
    entry: str
    """What the scorer needs to know of the problem, as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Framing:
    """What a model reads around the prompt itself."""

    system: str = ""
    """The system message; in front of the prompt where there is no chat template."""
    examples: tuple[tuple[str, str], ...] = ()
    """Earlier turns of the chat: what the user asked, and what the assistant answered."""
    prefill: str = ""
    """The start of the assistant's turn. It is given, not sampled, and the grader reads it too."""
    chat: bool = True
    """Whether the prompt goes through the chat template, where the tokenizer has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One question with a verifiable answer."""

    id: str
    """Stable over versions and machines, unique within a task."""
    prompt: str
    """The text a model completes; for a chat model, the user's message."""
    answer: str
    split: Split
    question: str = ""
    """The question itself, without the prompt's template; empty: the prompt is the question."""
    rubric: Rubric | None = None
    """Scores answers instead of a comparison to ``answer``, which is then one of several right ones."""
    solution: str = ""
    """How the answer is worked out, without the answer's marker; empty where nobody wrote it down."""
    framing: Framing = Framing()

    @property
    def asked(self) -> str:
        """The question itself, whatever the prompt makes of it."""
        return self.question or self.prompt
