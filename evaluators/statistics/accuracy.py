"""Accuracy from verdicts, and the table of every sampled completion."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evaluators.atomic import replacement
from evaluators.types import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One completion of one problem, with its verdicts."""

    problem: str
    """The problem's id."""
    question: str
    answer: str
    """The expected answer."""
    sample: int
    """Index among the completions of the problem."""
    strict: Verdict
    lenient: Verdict
    extracted: str | None
    text: str
    tokens: int
    truncated: bool


WITHHELD = "(not published)"
"""The text of a problem that belongs to others."""
SCHEMA = pa.schema(
    [
        pa.field("problem", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        pa.field("strict", pa.string(), nullable=False),
        pa.field("lenient", pa.string(), nullable=False),
        pa.field("extracted", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)


def acc_at_k(correct: NDArray[np.bool_]) -> float:
    """Mean accuracy of single completions. ``correct``: [problems, k] bool."""
    return float(_checked(correct).mean())


def pass_at_k(correct: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """[problems] probability that one of ``k`` completions is correct, unbiased. ``correct``: [problems, n] bool."""
    samples = _checked(correct).shape[1]
    if not 1 <= k <= samples:
        raise ValueError(f"k must lie between 1 and the {samples} samples of each problem, not {k}")
    drawn = np.arange(k)
    wrong = np.maximum(samples - correct.sum(axis=1, keepdims=True) - drawn, 0)  # [problems, k] at each draw
    return np.asarray(1 - (wrong / (samples - drawn)).prod(axis=1), dtype=np.float64)


def majority_at_k(correct: NDArray[np.bool_], answers: Sequence[Sequence[str | None]]) -> NDArray[np.float64]:
    """[problems] 1 if the most frequent answer among the samples is correct (self-consistency, Wang et al. 2022).

    In a tie, the result is the share of the tied answers that is correct. A problem without any answer counts 0.

    Args:
        correct: [problems, k] bool.
        answers: [problems][k] the answer of each sample, ``None`` for no answer. All correct ones count as the same
            answer. Others are compared as texts, so normalise them with ``comparison.canonical``.
    """
    votes: list[Counter[str | bool]] = [
        Counter(_CORRECT if right else answer for right, answer in zip(row, texts, strict=True) if answer is not None)
        for row, texts in zip(_checked(correct), answers, strict=True)
    ]
    return np.array([_won(counts) for counts in votes], dtype=np.float64)


_CORRECT = True
"""Represents all correct answers; the others are texts."""


def _won(votes: Counter[str | bool]) -> float:
    """The share of the most frequent answers that is correct."""
    winners = [answer for answer, count in votes.items() if count == max(votes.values())]
    return winners.count(_CORRECT) / len(winners) if winners else 0.0


def write_records(records: Sequence[SampleRecord], path: Path) -> None:
    """Write a parquet file with :data:`SCHEMA`, atomically."""
    table = pa.Table.from_pylist([asdict(record) for record in records], schema=SCHEMA)
    with replacement(path) as new:
        pq.write_table(table, new, compression="zstd")


def uncompressed(path: Path, *, withhold: bool = False) -> bytes:
    """A file that :func:`write_records` wrote, without its compression. xz then packs it in half of the space.

    ``withhold``: replace the texts and the answers of the problems by :data:`WITHHELD`.
    """
    table = pq.read_table(path, schema=SCHEMA)
    withheld = pa.array([WITHHELD] * len(table), pa.string())
    for name in ("question", "answer") if withhold else ():
        place = SCHEMA.get_field_index(name)
        table = table.set_column(place, SCHEMA.field(place), withheld)
    written = io.BytesIO()
    pq.write_table(table, written, compression="none")
    return written.getvalue()


def _checked(correct: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if correct.dtype != np.bool_ or correct.ndim != 2 or correct.size == 0:
        raise ValueError(
            f"need a non-empty bool array [problems, samples], not {correct.dtype} of shape {correct.shape}"
        )
    return correct


def read_records(path: Path | BinaryIO) -> list[SampleRecord]:
    """Read the records that :func:`write_records` wrote."""
    rows = pq.read_table(path, schema=SCHEMA).to_pylist()
    return [SampleRecord(**row | {kind: Verdict(row[kind]) for kind in ("strict", "lenient")}) for row in rows]
