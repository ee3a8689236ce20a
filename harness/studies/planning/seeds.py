"""The cost of ``--until decided``: at worst, and on average under the printed assumptions."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from evaluators.statistics.expected_seeds import Expected, expected
from evaluators.statistics.sequential import Looks
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.report.pages.grid import Grid
from harness.studies.planning.tables import told

GAPS = (0, 1, 2, 4)
"""Averages are printed for these true differences to the baseline, in multiples of the suite's margin."""
SPREAD = 2.5
"""The default standard deviation over seeds of a paired difference, in points, as measured on tiny-arithmetic."""


def refuse_nothing_to_compare(suite: SuiteConfig, algos: Sequence[str]) -> None:
    """Refuse arms without a comparison.

    Raises:
        HarnessError: the baseline is not among the arms, or it is the only one.
    """
    if suite.baseline not in algos or len(algos) < 2:
        raise HarnessError(
            f"--until decided compares with the baseline, {suite.baseline}; name it in --algos with the others, or "
            "choose one of them with --set baseline=NAME"
        )


def until_decided(
    suite: SuiteConfig,
    algos: Sequence[str],
    looks: Sequence[int],
    spread: float | None,
    seconds: Mapping[str, float],
    console: Console,
) -> None:
    """Print the number and the time of runs: at worst, and on average by the distance of the arms from the baseline.

    ``spread``: the standard deviation of a paired difference over seeds, in points. ``seconds``: the time of one run of
    each arm.
    """
    most, points = Looks(tuple(looks)), SPREAD if spread is None else spread
    rows = [_row("at worst", Expected(arm=looks[-1], baseline=looks[-1], decided=0.0), suite.baseline, seconds)]
    for times in GAPS:
        gap = times * suite.margin
        found = expected(most, len(algos) - 1, gap=gap, spread=points / 100, margin=suite.margin)
        rows.append(_row(f"{100 * gap:g} points away", found, suite.baseline, seconds))
    headers = ("if each arm is", "seeds per arm", "of the baseline", "runs", "total time", "decided %")
    console.print(Grid(headers=headers, rows=rows).terminal("seeds until a decision"), highlight=False)
    after = ", ".join(map(str, looks))
    for line in (
        f"looks are after {after} seeds, in one regime; each further regime has tests of its own and costs as much",
        f"averages are simulated: every arm has the distance to {suite.baseline} of its row, and its paired difference "
        f"has a standard deviation of {points:g} points over seeds (--spread changes it); arms within "
        f"{100 * suite.margin:g} points of the baseline end as equivalent or stay undecided",
    ):
        console.print(f"- {line}", highlight=False)


def _row(name: str, found: Expected, baseline: str, seconds: Mapping[str, float]) -> list[str]:
    seeds = {algo: found.baseline if algo == baseline else found.arm for algo in seconds}
    total = sum(seconds[algo] * number for algo, number in seeds.items())
    decided = f"{100 * found.decided:.0f}" if found.decided else ""
    return [name, f"{found.arm:.1f}", f"{found.baseline:.1f}", f"{sum(seeds.values()):.0f}", told(total), decided]
