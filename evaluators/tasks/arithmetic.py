"""Generated sums of a few terms, the task of the embedded suite. Splits are disjoint by construction."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from evaluators.types import Problem, Split, TaskError


def build(
    split: Split,
    *,
    data: Path | None = None,
    count: int = 8192,
    min_terms: int = 3,
    max_terms: int = 4,
    largest: int = 40,
    seed: int = 0,
    prompt: str = "{question}=",
    plus: str = "+",
) -> list[Problem]:
    """``count`` distinct problems such as ``17+8+25=`` in a fixed order.

    Args:
        split: it only depends on the terms and not on their order, so ``8+17=`` and ``17+8=`` are in
            the same split.
        data: refused; the problems are generated.
        count: the number of problems.
        min_terms, max_terms: the number of terms is uniform between them.
        largest: terms are uniform in ``1..largest``.
        seed: determines the order and, unless all problems are used, the selection.
        prompt: a text with ``{question}`` in it.
        plus: the text between the terms of a question.

    Raises:
        TaskError: options are out of range, or there are fewer than ``count`` problems.
    """
    if data is not None:
        raise TaskError(
            f"the task arithmetic generates its problems and reads no data; remove --data {data}, or read it with "
            "--task jsonl"
        )
    if not (2 <= min_terms <= max_terms and largest >= 1 and count >= 1):
        raise TaskError(
            f"the task arithmetic needs 2 <= min_terms <= max_terms, largest >= 1 and count >= 1, "
            f"not {min_terms}, {max_terms}, {largest} and {count}"
        )
    if "{question}" not in prompt:
        raise TaskError("the prompt of the task arithmetic has no {question}; put it where the question goes")
    found = _terms(count, min_terms, max_terms, largest, seed)[split]
    if len(found) < count:
        raise TaskError(
            f"the task arithmetic has fewer than {count} {split} problems with {min_terms} to {max_terms} terms "
            f"up to {largest}; lower count or raise largest"
        )
    return [
        Problem(
            id="+".join(map(str, terms)),
            prompt=prompt.replace("{question}", plus.join(map(str, terms))),
            answer=str(sum(terms)),
            split=split,
        )
        for terms in found
    ]


@lru_cache(maxsize=2)
def _terms(count: int, min_terms: int, max_terms: int, largest: int, seed: int) -> dict[Split, list[tuple[int, ...]]]:
    """The terms of the first ``count`` distinct problems of each split, or of as many as are found."""
    rng = np.random.default_rng(seed)
    found: dict[Split, dict[tuple[int, ...], None]] = {split: {} for split in Split}
    for _ in range(200 * count):
        terms = rng.integers(1, largest + 1, size=rng.integers(min_terms, max_terms + 1)).tolist()
        of = found[split_of(terms)]
        if len(of) < count:
            of[tuple(terms)] = None
            if all(len(part) == count for part in found.values()):
                break
    return {split: [*part] for split, part in found.items()}


def split_of(terms: list[int]) -> Split:
    """80 % train, 10 % validation, 10 % test, by a hash of the sorted terms."""
    digest = int.from_bytes(sha256(repr(sorted(terms)).encode()).digest()[:8], "big") % 10
    return {0: Split.VALIDATION, 1: Split.TEST}.get(digest, Split.TRAIN)
