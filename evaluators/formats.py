r"""Answer formats: the prompt of a problem, and the marker of its answer.

A format is one instruction and the marker that the strict reading of the grader looks for. It has two layouts. In a
chat, the question comes first and the instruction follows it. Without a chat template, the text is laid out so that
a base model continues it, and ends where it would begin another problem.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evaluators.grading.extraction import Marker
from evaluators.types import Framing, Problem

PLAIN_STOP = ("\nProblem:",)
"""The text with which a base model begins another problem."""
PARAGRAPH = "\n\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerFormat:
    """The prompts of problems and the marker of their answers."""

    name: str
    instruction: str
    """The instruction; empty if the prompt says nothing about the form of an answer."""
    answer: str
    """The ending of a solved example, with ``{answer}``."""
    marker: Marker | None
    """The marker that the strict reading looks for; None for ``####`` or ``\\boxed``."""
    examples: int = 0
    """The number of solved examples in a prompt, unless the task sets another number."""
    chat: bool = True
    """Whether a chat template is applied if there is one."""


OWN = "own"
FORMATS: Mapping[str, AnswerFormat] = {
    one.name: one
    for one in (
        AnswerFormat(
            name="boxed",
            instruction=r"Reason step by step, and put your final answer within \boxed{}.",
            answer=r"The final answer is \boxed{{answer}}.",
            marker=Marker.BOXED,
        ),
        AnswerFormat(
            name="hash",
            instruction="Reason step by step. Then write #### and your final answer as the last line.",
            answer="#### {answer}",
            marker=Marker.HASH,
        ),
        AnswerFormat(
            name="answer_line",
            instruction='Reason step by step. Then write "Answer: " and your final answer as the last line.',
            answer="Answer: {answer}",
            marker=Marker.ANSWER_LINE,
        ),
        AnswerFormat(
            name="few_shot",
            instruction="",
            answer="#### {answer}",
            marker=Marker.HASH,
            examples=4,
            chat=False,
        ),
        AnswerFormat(name=OWN, instruction="", answer="#### {answer}", marker=None),
    )
}
"""All formats by name. ``own`` uses the task's own prompt without changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """The prompt settings for all problems of a task."""

    form: AnswerFormat
    chat: bool
    """Whether prompts go through a chat template."""
    examples: tuple[Problem, ...] = ()
    """Solved problems that are put before every other problem."""
    turns: bool = False
    """Whether the examples are turns of the chat; otherwise they are part of the prompt's text."""
    system: str | None = None
    """Replaces the system message that a problem may have."""
    prefill: str = ""

    @property
    def stop(self) -> tuple[str, ...]:
        """The strings that end a completion, in addition to the end-of-sequence token."""
        return () if self.chat or self.form.name == OWN else PLAIN_STOP

    def pose(self, problem: Problem) -> Problem:
        """The problem with its final prompt and framing, and without its worked solution."""
        solved = [(self._ask(one), solution(one, self.form)) for one in self.examples]
        prompt = self._ask(problem)
        if not self.turns:
            gap = PARAGRAPH if self.chat else " "
            prompt = "".join(f"{question}{gap}{text}{PARAGRAPH}" for question, text in solved) + prompt
        if not self.chat and self.form.instruction:
            prompt = f"{self.form.instruction}{PARAGRAPH}{prompt}"
        framing = Framing(
            system=problem.framing.system if self.system is None else self.system,
            examples=tuple(solved) if self.turns else (),
            prefill=self.prefill,
            chat=self.chat,
        )
        return replace(problem, prompt=prompt, question=problem.asked, framing=framing, solution="")

    def _ask(self, problem: Problem) -> str:
        """The question with the text around it that each problem has."""
        if self.form.name == OWN:
            return problem.prompt
        if self.chat:
            return "".join((problem.asked, PARAGRAPH, self.form.instruction)).strip()
        return f"Problem: {problem.asked}\nSolution:"


def solution(problem: Problem, form: AnswerFormat) -> str:
    """A problem's worked solution with the ending of the format, or only the ending if it has no solution."""
    ending = form.answer.replace("{answer}", problem.answer)
    return f"{problem.solution}\n{ending}" if problem.solution else ending
