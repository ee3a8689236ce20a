"""Shows whether the grader accepts an answer in a box, as in completions."""

from collections.abc import Iterable, Mapping

from evaluators.grading.comparison import decide
from evaluators.grading.extraction import extract


def accepted(expected: str, answer: str) -> bool:
    found = extract(f"So the answer is $\\boxed{{{answer}}}$.")
    return found.answer is not None and decide(expected, found.answer)


def right(expected: str, answer: str) -> None:
    assert accepted(expected, answer), f"{answer!r} is right for {expected!r}"


def wrong(expected: str, answer: str) -> None:
    assert not accepted(expected, answer), f"{answer!r} is wrong for {expected!r}"


def cases(table: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """Each expected answer of the table, with each of its answers."""
    return [(expected, answer) for expected, answers in table.items() for answer in answers]
