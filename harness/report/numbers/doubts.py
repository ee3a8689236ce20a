"""Properties of an arm's completions that put its accuracy in doubt."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from harness.records.results import RunResult
from harness.report.numbers.document import Doubt, RegimeBoard
from harness.report.numbers.rows import finished

Kind = Literal["no answer", "cut", "missed"]
LIMITS: Mapping[Kind, float] = {"no answer": 0.1, "cut": 0.1, "missed": 0.05}
"""A share of the completions after training above this limit is a doubt."""


def doubts(boards: Sequence[RegimeBoard], results: Sequence[RunResult]) -> tuple[Doubt, ...]:
    """All doubts, in the order of the rows."""
    runs = {result.run_id: result for result in results}
    return tuple(
        Doubt(objective=row.objective, regime=part.regime, kind=kind, share=share)
        for part in boards
        for row in part.arms
        for kind, share in _shares([runs[run_id] for run_id in row.run_ids]).items()
        if share > LIMITS[kind]
    )


def _shares(runs: Sequence[RunResult]) -> dict[Kind, float]:
    """The share of each kind, averaged over the finished runs."""
    ends = [run.test.summary for run in finished(runs) if run.test]
    if not ends:
        return {}
    return {
        "no answer": float(np.mean([end.unparsed for end in ends])),
        "cut": float(np.mean([end.truncated for end in ends])),
        "missed": float(np.mean([end.audit_missed for end in ends])),
    }
