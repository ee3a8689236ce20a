"""What ``--until decided`` costs: at worst, and on average under assumptions that stand beside it."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from evaluators.statistics.expected_seeds import Expected, expected
from evaluators.statistics.sequential import Looks
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.report.pages.grid import Grid
from harness.studies.planning.tables import told

GAPS = (0, 1, 2, 4)
"""True differences to the baseline that averages are told for, in margins of the suite."""
SPREAD = 2.5
"""Points by which a paired difference differs from seed to seed unless told otherwise: tiny-arithmetic's do."""


def refuse_nothing_to_compare(suite: SuiteConfig, algos: Sequence[str]) -> None:
    """
    Raises:
        HarnessError: the baseline, or what is compared with it, is not among the arms.
    """
    if suite.baseline not in algos or len(algos) < 2:
        raise HarnessError(
            f"--until decided compares with the baseline, {suite.baseline}: name it in --algos beside the others, or "
            "choose one of them by --set baseline=NAME"
        )


def until_decided(
    suite: SuiteConfig,
    algos: Sequence[str],
    looks: Sequence[int],
    spread: float | None,
    seconds: Mapping[str, float],
    console: Console,
) -> None:
    """Print runs and time at worst, and on average by how far the arms are from the baseline.

    ``spread``: in points. ``seconds``: of a run of each arm.
    """
    most, points = Looks(tuple(looks)), SPREAD if spread is None else spread
    rows = [_row("at worst", Expected(arm=looks[-1], baseline=looks[-1], decided=0.0), suite.baseline, seconds)]
    for times in GAPS:
        gap = times * suite.margin
        found = expected(most, len(algos) - 1, gap=gap, spread=points / 100, margin=suite.margin)
        rows.append(_row(f"{100 * gap:g} points away", found, suite.baseline, seconds))
    headers = ("if each arm is", "seeds an arm", "of the baseline", "runs", "one by one", "decided %")
    console.print(Grid(headers=headers, rows=rows).terminal("seeds until it is decided"), highlight=False)
    after = ", ".join(map(str, looks))
    for line in (
        f"looks after {after} seeds; in one regime; each further one is a family of its own, and costs as much again",
        f"averages: by simulation, where every arm is as far from {suite.baseline} as its row says, and the paired "
        f"difference of an arm has a standard deviation of {points:g} points over seeds (--spread changes it); arms "
        f"within {100 * suite.margin:g} points of the baseline end as equivalent, or not at all",
    ):
        console.print(f"- {line}", highlight=False)


def _row(name: str, found: Expected, baseline: str, seconds: Mapping[str, float]) -> list[str]:
    seeds = {algo: found.baseline if algo == baseline else found.arm for algo in seconds}
    total = sum(seconds[algo] * number for algo, number in seeds.items())
    decided = f"{100 * found.decided:.0f}" if found.decided else ""
    return [name, f"{found.arm:.1f}", f"{found.baseline:.1f}", f"{sum(seeds.values()):.0f}", told(total), decided]
