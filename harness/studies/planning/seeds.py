"""The cost of ``--until decided``: at worst, and on average under the printed assumptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from evaluators.statistics.expected_seeds import Expected, expected
from evaluators.statistics.sequential import Looks
from harness.config.run_config import SuiteConfig
from harness.report.pages.grid import Grid
from harness.studies.planning.tables import told

GAPS = (0, 1, 2, 4)
"""Averages are printed for these true differences to the baseline, in multiples of the suite's margin."""
SPREAD = 2.5
"""The default standard deviation over seeds of a paired difference, in points, as measured on tiny-arithmetic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """The number of seeds until a decision, if every arm has this distance to the baseline."""

    points: float | None
    """The distance in points; None for the worst case."""
    seeds: Expected


def until_decided(suite: SuiteConfig, arms: int, looks: Sequence[int], spread: float | None) -> list[Outlook]:
    """The number of seeds at worst, and on average by the distance of the arms from the baseline.

    ``spread``: the standard deviation of a paired difference over seeds, in points.
    """
    most, points = Looks(tuple(looks)), SPREAD if spread is None else spread
    found = [Outlook(points=None, seeds=Expected(arm=looks[-1], baseline=looks[-1], decided=0.0))]
    for times in GAPS:
        gap = times * suite.margin
        seeds = expected(most, arms - 1, gap=gap, spread=points / 100, margin=suite.margin)
        found.append(Outlook(points=100 * gap, seeds=seeds))
    return found


def seeds_table(
    suite: SuiteConfig,
    looks: Sequence[int],
    spread: float | None,
    found: Sequence[Outlook],
    seconds: Mapping[str, float],
) -> list[RenderableType]:
    """The same as a table, with the time of all runs and the assumptions. ``seconds``: of one run of each arm."""
    rows = [_row(one, suite.baseline, seconds) for one in found]
    headers = ("if each arm is", "seeds per arm", "of the baseline", "runs", "total time", "decided %")
    after, points = ", ".join(map(str, looks)), SPREAD if spread is None else spread
    lines = (
        f"looks are after {after} seeds, in one regime; each further regime has tests of its own and costs as much",
        f"averages are simulated: every arm has the distance to {suite.baseline} of its row, and its paired difference "
        f"has a standard deviation of {points:g} points over seeds (--spread changes it); arms within "
        f"{100 * suite.margin:g} points of the baseline end as equivalent or stay undecided",
    )
    return [
        Grid(headers=headers, rows=rows).terminal("seeds until a decision"),
        *(Text(f"- {one}") for one in lines),
    ]


def _row(found: Outlook, baseline: str, seconds: Mapping[str, float]) -> list[str]:
    name = "at worst" if found.points is None else f"{found.points:g} points away"
    seeds = {algo: found.seeds.baseline if algo == baseline else found.seeds.arm for algo in seconds}
    total = sum(seconds[algo] * number for algo, number in seeds.items())
    decided = f"{100 * found.seeds.decided:.0f}" if found.seeds.decided else ""
    numbers = (f"{found.seeds.arm:.1f}", f"{found.seeds.baseline:.1f}", f"{sum(seeds.values()):.0f}")
    return [name, *numbers, told(total), decided]
