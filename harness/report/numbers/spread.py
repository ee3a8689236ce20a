"""How much the runs of an arm vary, and which of them collapsed."""

from collections.abc import Sequence

import numpy as np

from evaluators.statistics.collapse import collapsed
from harness.records.results import RunResult, by_problem
from harness.report.numbers.document import Collapsed, Spread
from harness.report.numbers.interval import Interval


def spread(finished: Sequence[RunResult]) -> Spread | None:
    """The spread of an arm's finished runs; None if there are none."""
    runs = [(run, run.start.summary.accuracy, run.test) for run in finished if run.test and run.start]
    if not runs:
        return None
    ends = [test.summary.accuracy for _, _, test in runs]
    starts = [start for _, start, _ in runs]
    samples = min(sum(map(len, test.summary.verdicts.values())) for _, _, test in runs)
    return Spread(
        lowest=min(ends),
        median=float(np.median(ends)),
        highest=max(ends),
        deviation=float(np.std(ends, ddof=1)) if len(ends) > 1 else None,
        elsewhere=Interval.over_seeds_and_problems(np.stack([by_problem(test) for _, _, test in runs])),
        collapsed=tuple(
            Collapsed(seed=run.config.seed, start=start, accuracy=end)
            for (run, start, _), end, fell in zip(runs, ends, collapsed(ends, starts, samples), strict=True)
            if fell
        ),
    )
