"""A comparison as sentences, and for the terminal."""

from collections.abc import Callable

from rich.console import Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from evaluators.statistics.by_problem import least_p
from evaluators.statistics.ranking import LEVEL
from harness.records.results import COSTS
from harness.report.numbers.document import ArmRow
from harness.report.numbers.interval import Difference
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.cells import (
    NONE,
    count,
    digits,
    excerpt,
    p_value,
    percent,
    points,
    probability,
    shown,
    tenths,
)
from harness.report.pages.grid import Grid
from harness.report.pages.notes import quick_look

IN_TERMINAL = 3
"""The terminal shows this many problems that were gained, and as many that were lost."""
EXCERPT = 600
"""The number of characters of a completion that the terminal shows."""
COMPLETIONS: tuple[tuple[str, Callable[[ArmRow], str]], ...] = (
    ("KL from the reference, nats", lambda row: digits(row.kl)),
    ("policy to behaviour, mean ratio", lambda row: digits(row.ratio_mean)),
    ("tokens per completion", lambda row: tenths(row.completion_tokens)),
    ("cut at the limit, %", lambda row: percent(row.truncated)),
    ("grader timeouts, %", lambda row: percent(row.grader_timeouts)),
)
"""Properties of the completions: their names, and how they are written."""


def sentences(found: SideBySide) -> list[str]:
    """Sentences on what was compared and what can be concluded."""
    ours, theirs = found.rows
    alone = "problems only, because there is one run each; this says nothing about the objectives"
    over = alone if found.single else "seeds and problems"
    limit = found.runs[0][0].config.limit
    said = [f"Warning: {quick_look(limit)}."] if limit else []
    said += [
        f"{found.suite}, {found.regime}: {ours.objective} {points(ours.accuracy)} %, "
        f"{theirs.objective} {points(theirs.accuracy)} %. The difference is "
        f"{points(found.difference, signed=True)} points (95 % interval over {over})."
    ]
    said += _tests(found)
    said += [
        f"{len(row.spread.collapsed)} of {len(row.seeds)} runs of {row.objective} collapsed: "
        f"seed{'s' * (len(row.spread.collapsed) > 1)} {', '.join(str(run.seed) for run in row.spread.collapsed)}."
        for row in found.rows
        if row.spread and row.spread.collapsed
    ]
    said.append(
        f"{ours.objective} solves {found.gained.count} of {found.problems} problems more often and {found.lost.count} "
        f"less often. For {found.gained.clear} and {found.lost.clear} of them, the difference is beyond sampling noise."
    )
    return said


def noise(found: SideBySide) -> str:
    """How a real difference on a problem is distinguished from sampling noise, and whether the samples suffice."""
    m, n = found.counted[0].samples
    said = (
        f"Beyond the noise: Fisher's exact test on the samples of a problem ({m} against {n}), with the correction of "
        f"Benjamini and Hochberg over all {found.problems} problems. At most {100 * LEVEL:g} % of the marked problems "
        "are expected to be noise. This holds for these runs, not for other seeds. A problem without a mark may differ "
        "too, because so few samples only show large differences."
    )
    if least_p(m, n) >= LEVEL:
        said += f" With {m} against {n} samples, no difference on a single problem can be significant."
    return said


def _tests(found: SideBySide) -> list[str]:
    """Sentences on the tests of the objectives; none if there are too few seeds for a test."""
    difference = found.difference
    if not isinstance(difference, Difference) or difference.p is None:
        return []
    ours, theirs = found.rows
    looked = (
        " (the seeds were added until a decision, which this p-value ignores; the leaderboard's does not)"
        if found.looked
        else ""
    )
    within = f" They are equivalent within {100 * found.margin:g} points." if difference.equivalent else ""
    better = probability(difference.improvement, difference.improvement_low, difference.improvement_high)
    said = [
        f"The p-value for no difference is {p_value(difference.p)}, for this comparison alone{looked}.{within} A run "
        f"of {ours.objective} beats a run of {theirs.objective} with probability {better}."
    ]
    if difference.detectable is not None:
        gap = f"{100 * difference.detectable:.1f} points"
        said.append(f"These seeds would have detected a difference of {gap} with probability 0.8.")
    if difference.equivalence_seeds and not difference.equivalent:
        said.append(
            f"If the two are equal, about {difference.equivalence_seeds} seeds would show equivalence within "
            f"{100 * found.margin:g} points with probability 0.8."
        )
    return [" ".join(said)]


def costs(found: SideBySide) -> Grid:
    """What a run of each side spent, with the ratio, and then the properties of the completions."""
    ours, theirs = found.rows
    rows = []
    for unit in COSTS:
        a, b = ours.budget[unit], theirs.budget[unit]
        rows.append([unit.replace("_", " "), count(a), count(b), f"{a / b:.2f}" if b else NONE])
    rows += [[name, text(ours), text(theirs), ""] for name, text in COMPLETIONS]
    return Grid(headers=("", *found.names, "ratio"), rows=rows)


def terminal(found: SideBySide) -> Group:
    """The comparison with a few of the problems."""
    parts: list[Text | Table | Rule] = [*(Text(shown(line)) for line in sentences(found)), costs(found).terminal()]
    for part in found.changed:
        for example in part.examples[:IN_TERMINAL]:
            shares = " against ".join(f"{percent(share)} %" for share in example.shares)
            beyond = ", beyond sampling noise" if example.clear else ""
            parts += [Rule(f"{part.kind}: {shares}{beyond}"), Text(_short(example.question))]
            parts.append(Text(f"expected: {_short(example.answer)}", style="bold"))
            for name, attempt in zip(found.names, example.attempts, strict=True):
                parts.append(Text(f"{shown(name)}, {attempt.verdict}:", style="bold"))
                parts.append(Text(_short(attempt.text)))
    return Group(*parts)


def _short(text: str) -> str:
    return excerpt(text, EXCERPT)
