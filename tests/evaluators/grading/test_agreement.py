"""Grader and audit on all published solutions of GSM8K and MATH-500. The answer is kept, altered or removed.

The expected numbers are exact. If one of them changes, the grader has changed, and its version must be raised.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from evaluators.grading.audit import disagreements
from evaluators.grading.grader import Grader
from evaluators.types import Verdict

Texts = list[tuple[str, str]]
"""Pairs of expected answer and completion."""


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def gsm8k(path: Path) -> dict[str, Texts]:
    solutions = [row["answer"].split("####") for row in rows(path)]
    answers = [(working, answer.strip(), int(answer.replace(",", ""))) for working, answer in solutions]
    return {
        "kept": [(str(value), f"{working}#### {answer}") for working, answer, value in answers],
        "altered": [(str(value), f"{working}#### {value + 1}") for working, _, value in answers],
        "removed": [(str(value), working) for working, _, value in answers],
    }


def math_500(path: Path) -> dict[str, Texts]:
    """Completions of MATH-500. An altered completion has the answer of the problem before in its last box."""
    solutions = [(row["answer"], row["solution"], row["solution"].rpartition(r"\boxed")[0]) for row in rows(path)]
    return {
        "kept": [(answer, solution) for answer, solution, _ in solutions],
        "altered": [
            (own[0], rf"{own[2]}\boxed{{{other[0]}}}$.")
            for own, other in zip(solutions, solutions[-1:] + solutions[:-1], strict=True)
        ],
        "removed": [(answer, working) for answer, _, working in solutions],
    }


C, W, U = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED
Counts = tuple[dict[Verdict, int], int, int]
"""Verdicts, and the numbers of completions that only the grader and only the audit calls correct."""

STRICT: dict[str, dict[str, Counts]] = {
    "gsm8k_train": {
        "kept": ({C: 7473}, 0, 0),
        "altered": ({W: 7473}, 0, 0),
        "removed": ({U: 7473}, 0, 7146),  # the working ends with the answer, without a marker
    },
    "gsm8k_test": {"kept": ({C: 1319}, 0, 0), "altered": ({W: 1319}, 0, 0), "removed": ({U: 1319}, 0, 1253)},
    "math500_test": {
        # In 50 of them, a number follows the box.
        "kept": ({C: 500}, 50, 0),
        # Some neighbours have the same answer by chance, and 5 is accepted for x=5.
        "altered": ({C: 3, W: 496, U: 1}, 1, 0),
        "removed": ({C: 8, U: 492}, 4, 14),  # 8 solutions box their answer twice
    },
}
LENIENT: dict[str, dict[str, Counts]] = {
    "gsm8k_train": STRICT["gsm8k_train"] | {"removed": ({C: 7025, W: 278, U: 170}, 24, 145)},
    "gsm8k_test": STRICT["gsm8k_test"] | {"removed": ({C: 1229, W: 60, U: 30}, 2, 26)},
    "math500_test": STRICT["math500_test"] | {"removed": ({C: 9, W: 33, U: 458}, 5, 14)},
}


@pytest.mark.parametrize("part", STRICT)
def test_verdicts_and_disagreements(part: str, data_dir: Path) -> None:
    path = data_dir / f"{part}.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data_dir}")
    forms = (math_500 if part.startswith("math") else gsm8k)(path)
    with Grader() as grader:
        for form, texts in forms.items():
            grades = grader.grade(texts)
            assert counts(texts, [grade.strict for grade in grades]) == STRICT[part][form], form
            assert counts(texts, [grade.lenient for grade in grades]) == LENIENT[part][form], form


def counts(texts: Texts, verdicts: list[Verdict]) -> Counts:
    found = disagreements((*text, verdict is C) for text, verdict in zip(texts, verdicts, strict=True))
    assert found.total == len(texts)
    return dict(Counter(verdicts)), found.paid, found.missed
