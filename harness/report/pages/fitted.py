"""The table of saturating fits, and the tables below the main one of a board."""

from collections.abc import Callable, Sequence

from harness.report.numbers.document import ArmRow, Fit, RegimeBoard
from harness.report.numbers.interval import Interval
from harness.report.pages.cells import NONE, count, points, span
from harness.report.pages.columns import AFTERWARDS, OBJECTIVE
from harness.report.pages.grid import Column, within


def _fitted(
    name: str, text: Callable[[Fit], str], value: Callable[[Fit], float | None], note: str = ""
) -> Column[ArmRow]:
    return within(lambda row: row.fit, name, text, value, note)


def _half(name: str, unit: str) -> Column[ArmRow]:
    """A column of the spending at which half of the gain is reached."""
    return _fitted(
        name,
        lambda fit: count(fit.midpoint_in[unit]) if fit.midpoint_in else NONE,
        lambda fit: fit.midpoint_in.get(unit),
    )


def _factor(found: Interval | None) -> str:
    return f"{found.mean:.2f} ({span(found, lambda end: f'{end:.2f}')})" if found else NONE


def _amount(found: Interval | None) -> str:
    return f"{count(found.mean)} ({span(found, count)})" if found else NONE


FITTED: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    _fitted(
        "ceiling %",
        lambda fit: fit.refused or points(fit.ceiling),
        lambda fit: fit.ceiling.mean if fit.ceiling else None,
        "ceiling: the validation accuracy that the mean learning curve approaches, in a fit of start + (ceiling - "
        "start) / (1 + (half / spent) ^ steepness). ±: a 95 % interval, from a jackknife over seeds. There is no fit "
        "if the curve does not rise, falls below an earlier value, has another shape, or may have reached less than "
        "70 % of its gain (does not level off)",
    ),
    _fitted("steepness", lambda fit: _factor(fit.steepness), lambda fit: fit.steepness.mean if fit.steepness else None),
    _fitted("half", lambda fit: _amount(fit.midpoint), lambda fit: fit.midpoint.mean if fit.midpoint else None),
    _half("half: FLOPs", "flops"),
    _half("half: seconds", "seconds"),
    _fitted(
        "to baseline",
        lambda fit: points(fit.higher, signed=True),
        lambda fit: fit.higher.mean if fit.higher else None,
        "half: what a run spends until half of its gain is reached: in the unit of the budget, in FLOPs, and in "
        "seconds, which depend on what else the machine did. to baseline: the difference of the ceilings. faster: how "
        "many times sooner than the baseline a run reaches half of its gain, in the unit of the budget. "
        "Both are fitted on the common seeds and paired. Their 95 % intervals are not corrected for the other "
        "comparisons, or for looks",
    ),
    _fitted("faster", lambda fit: _factor(fit.faster), lambda fit: fit.faster.mean if fit.faster else None),
)
"""Where the learning curves level off, for boards with enough seeds and validations."""


def below(part: RegimeBoard) -> list[tuple[str, Sequence[Column[ArmRow]], Sequence[ArmRow]]]:
    """The tables below the main one: titles, columns and rows."""
    fits = [("Fits of the learning curves", FITTED, part.rows)] if any(row.fit for row in part.rows) else []
    return [*((title, columns, part.arms) for title, columns in AFTERWARDS), *fits]
