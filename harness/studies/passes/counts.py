"""The data of the study: how many samples of each model solved each problem. They are one small file."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness.config.folders import folder_name
from harness.config.regime import RegimeSpec
from harness.errors import HarnessError

ABOUT = (b"suite", b"command", b"limit")
START = "start"
"""The name of the model before training, in the place of an objective."""
SCHEMA = pa.schema(
    [
        pa.field("objective", pa.string(), nullable=False),
        pa.field("regime", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("problem", pa.string(), nullable=False),
        pa.field("correct", pa.int32(), nullable=False),
        pa.field("samples", pa.int32(), nullable=False),
    ],
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """The correct samples of one model."""

    objective: str
    """The arm of the run, or :data:`START`."""
    regime: str
    """Empty for the start."""
    seed: int
    """0 for the start, from which all runs begin."""
    problems: tuple[str, ...]
    correct: NDArray[np.int64]
    """[problems]"""
    samples: int
    """The number of samples of each problem."""

    @property
    def of_start(self) -> bool:
        """Whether this is the model before training. An arm may have its name, but every run has a regime."""
        return not self.regime


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampled:
    """The content of the file."""

    suite: str
    command: str
    """The command that sampled."""
    limit: int | None
    """The number of problems in a quick look. None for full runs."""
    models: Sequence[Counts]


def write(sampled: Sampled, path: Path) -> None:
    """Write a parquet file, with suite and command in its metadata."""
    rows = [
        {
            "objective": one.objective,
            "regime": one.regime,
            "seed": one.seed,
            "problem": problem,
            "correct": correct,
            "samples": one.samples,
        }
        for one in sampled.models
        for problem, correct in zip(one.problems, one.correct.tolist(), strict=True)
    ]
    about = {"suite": sampled.suite, "command": sampled.command, "limit": json.dumps(sampled.limit)}
    table = pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(about))
    pq.write_table(table, path, compression="zstd")


def read(path: Path) -> Sampled:
    """The content of a file.

    Raises:
        HarnessError: the file cannot be read, or :func:`write` did not write it.
    """
    try:
        table = pq.read_table(path)
        suite, command, written = ((table.schema.metadata or {})[key].decode() for key in ABOUT)
        limit = json.loads(written)
        rows = table.cast(SCHEMA).to_pylist()
        _refuse_impossible(suite, limit, rows)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise HarnessError(f"{path} is not a file that harness pass-at-k wrote; give its pass-at-k.parquet") from error
    models: dict[tuple[str, str, int, int], list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        key = row["objective"], row["regime"], row["seed"], row["samples"]
        models[key].append((row["problem"], row["correct"]))
    counts = [
        Counts(
            objective=objective,
            regime=regime,
            seed=seed,
            problems=tuple(problem for problem, _ in cells),
            correct=np.array([correct for _, correct in cells]),
            samples=samples,
        )
        for (objective, regime, seed, samples), cells in models.items()
    ]
    return Sampled(suite=suite, command=command, limit=limit, models=counts)


def _refuse_impossible(suite: str, limit: object, rows: Sequence[dict[str, Any]]) -> None:
    """Refuse what :func:`write` never writes. The name of the suite becomes that of a folder.

    Raises:
        ValueError: a value is impossible.
    """
    folder_name(suite)
    if not (limit is None or isinstance(limit, int)):
        raise ValueError(f"{limit!r} cannot be a limit")
    for regime in {row["regime"] for row in rows} - {""}:
        RegimeSpec.parse(regime)
    if any(not 0 <= row["correct"] <= row["samples"] or row["samples"] < 1 for row in rows):
        raise ValueError("a model cannot have more correct samples than samples")
