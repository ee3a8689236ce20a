"""Whether the grader accepts an answer in a box, as completions have it."""

from evaluators.grading.comparison import decide
from evaluators.grading.extraction import extract


def accepted(expected: str, answer: str) -> bool:
    found = extract(f"So the answer is $\\boxed{{{answer}}}$.")
    return found.answer is not None and decide(expected, found.answer)


def right(expected: str, answer: str) -> None:
    assert accepted(expected, answer), f"{answer!r} is right for {expected!r}"


def wrong(expected: str, answer: str) -> None:
    assert not accepted(expected, answer), f"{answer!r} is wrong for {expected!r}"
