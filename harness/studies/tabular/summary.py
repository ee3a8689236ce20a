"""Summaries of numbers per problem as JSON records: means with intervals, medians, shares."""

from typing import Any

from torch import Tensor

from algorithms.types import Objective
from evaluators.statistics.estimates import over_seeds
from harness.studies.tabular.cases import settings
from harness.studies.tabular.convergence import CLOSE, Descent
from harness.studies.tabular.gradients import Measured
from harness.studies.tabular.leak import DATA, Leak
from harness.studies.tabular.problems import BEHAVIOURS

Row = dict[str, Any]
FAR = 1e-3
"""A policy farther than this from the optimum, in nats, has ended elsewhere."""
DRAWN = 60
"""The largest number of points of a curve. They are evenly spaced in the logarithm of the step."""
EVERY = 6
"""The number of updates between two points in the curve of a leak."""


def convergence_rows(label: str, objective: Objective, found: Descent) -> list[Row]:
    """One record per behaviour."""
    return [_convergence_row(label, objective, found, i) for i in range(len(BEHAVIOURS))]


def _convergence_row(label: str, objective: Objective, found: Descent, i: int) -> Row:
    end, left = found.distance[-1, i], found.gradient_left[i]
    means = found.distance[:, i].mean(-1)
    return {
        "objective": label,
        "settings": settings(objective),
        "uses_behaviour": "old_logp" in objective.requires,
        "behaviour": BEHAVIOURS[i],
        "kl": interval(end),
        "max": rounded(end.max()),
        "max_settled": rounded(end[found.settled[i]].amax()) if found.settled[i].any() else None,
        "reached": share(end < CLOSE),
        "elsewhere": share(end > FAR),
        "settled": share(found.settled[i]),
        "deterministic": share(found.deterministic[i]),
        "not_finite": int(found.broken[i].sum()),
        "gradient_left": {"median": rounded(left.median()), "max": rounded(left.max())},
        "curve": [[step, rounded(means[step])] for step in drawn_steps(len(means) - 1)],
    }


def gradient_rows(label: str, objective: Objective, found: dict[tuple[str, int], Measured]) -> list[Row]:
    """One record per behaviour and group size."""
    names = Measured.__dataclass_fields__
    return [
        {"objective": label, "settings": settings(objective), "behaviour": behaviour, "group_size": size}
        | {name: None if (value := getattr(measured, name)) is None else interval(value) for name in names}
        for (behaviour, size), measured in found.items()
    ]


def leak_rows(label: str, objective: Objective, found: Leak) -> list[Row]:
    """A record for each kind of data: the last third of the updates, and the whole way."""
    return [_leak_row(label, objective, found, i) for i in range(len(DATA))]


def _leak_row(label: str, objective: Objective, found: Leak, i: int) -> Row:
    accuracy, unseen, ratio = found.accuracy[:, i], found.unseen[:, i], found.ratio[:, i]
    third = len(ratio) // 3
    return {
        "objective": label,
        "settings": settings(objective),
        "data": DATA[i],
        "accuracy": interval(accuracy[-third:].mean(0)),
        "lowest": rounded(accuracy[third:].mean(1).min()),
        "unseen": interval(unseen[-third:].mean(0)),
        "ratio": rounded(ratio[-third:].median()),
        "mean_steps": rounded(found.theta[-1, i].exp().median()),
        "not_finite": int(found.broken[i].sum()),
        "curve": [
            [step, rounded(accuracy[step].mean()), rounded(unseen[step].mean()), rounded(ratio[step].median())]
            for step in range(0, len(ratio), EVERY)
        ],
    }


def interval(values: Tensor) -> Row:
    """The mean over problems with its 95 % t-interval, the median, and the number of finite values they are from."""
    finite = values[values.isfinite()]
    if not finite.numel():
        return {"mean": None, "low": None, "high": None, "median": None, "problems": 0}
    made = over_seeds(finite.numpy())
    low, high = made.interval() or (None, None)
    return {
        "mean": rounded(made.mean),
        "low": rounded(low),
        "high": rounded(high),
        "median": rounded(finite.median()),
        "problems": finite.numel(),
    }


def drawn_steps(last: int) -> list[int]:
    """The steps of the points of a curve, from 1 to the last step."""
    return sorted({round(last ** (i / (DRAWN - 1))) for i in range(DRAWN)})


def share(these: Tensor) -> float:
    """The share of problems for which this holds, between 0 and 1."""
    return rounded(these.double().mean()) or 0.0


def rounded(number: Tensor | float | None) -> float | None:
    """A number with six digits; None if it is not finite, because JSON has no such numbers."""
    if number is None:
        return None
    text = f"{float(number):.6g}"
    return None if text in ("nan", "inf", "-inf") else float(text)
