"""A comparison in sentences, and in the terminal."""

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
"""Problems gained, and lost, that the terminal shows."""
EXCERPT = 600
"""Characters of a completion there."""
COMPLETIONS: tuple[tuple[str, Callable[[ArmRow], str]], ...] = (
    ("KL to the reference, nats", lambda row: digits(row.kl)),
    ("policy to behaviour, mean ratio", lambda row: digits(row.ratio_mean)),
    ("tokens a completion", lambda row: tenths(row.completion_tokens)),
    ("cut at the limit, %", lambda row: percent(row.truncated)),
    ("grader timeouts, %", lambda row: percent(row.grader_timeouts)),
)
"""What they are like."""


def sentences(found: SideBySide) -> list[str]:
    """What was compared, and what may be said."""
    ours, theirs = found.rows
    alone = "problems alone: one run each, which says nothing of their objectives"
    over = alone if found.single else "seeds and problems"
    limit = found.runs[0][0].config.limit
    said = [f"Warning: {quick_look(limit)}."] if limit else []
    said += [
        f"{found.suite}, {found.regime}: {ours.objective} {points(ours.accuracy)} %, "
        f"{theirs.objective} {points(theirs.accuracy)} %; the difference is "
        f"{points(found.difference, signed=True)} points, 95 % interval over {over}."
    ]
    said += _tests(found)
    said += [
        f"{len(row.spread.collapsed)} of {len(row.seeds)} runs of {row.objective} collapsed: "
        f"seed{'s' * (len(row.spread.collapsed) > 1)} {', '.join(str(run.seed) for run in row.spread.collapsed)}."
        for row in found.rows
        if row.spread and row.spread.collapsed
    ]
    said.append(
        f"Of {found.problems} problems {ours.objective} solves {found.gained.count} more often and "
        f"{found.lost.count} less often, {found.gained.clear} and {found.lost.clear} of them beyond the samples' noise."
    )
    return said


def noise(found: SideBySide) -> str:
    """How a problem is told from its samples' noise, and whether these samples could tell any."""
    m, n = found.counted[0].samples
    said = (
        f"Beyond the noise: Fisher's exact test on the problem's samples ({m} against {n}), corrected by Benjamini and "
        f"Hochberg over all {found.problems} problems, so that of the marked ones at most {100 * LEVEL:g} % are noise, "
        "in expectation. It holds for these runs, not for other seeds of the objectives. A problem "
        "that is not marked may differ all the same: so few samples tell large differences alone."
    )
    if least_p(m, n) >= LEVEL:
        said += f" No difference on one problem can pass it with {m} against {n} samples."
    return said


def _tests(found: SideBySide) -> list[str]:
    """What may be said of the objectives; nothing where seeds say nothing."""
    difference = found.difference
    if not isinstance(difference, Difference) or difference.p is None:
        return []
    ours, theirs = found.rows
    looked = (
        "; it allows for no looks, though these seeds went on until it was decided: the leaderboard's does"
        if found.looked
        else ""
    )
    within = f"; they are equivalent within {100 * found.margin:g} points" if difference.equivalent else ""
    better = probability(difference.improvement, difference.improvement_low, difference.improvement_high)
    said = [
        f"p = {p_value(difference.p)} of no difference, as one comparison alone{looked}{within}. A run of "
        f"{ours.objective} beats one of {theirs.objective} with probability {better}."
    ]
    if difference.detectable is not None:
        gap = f"{100 * difference.detectable:.1f} points"
        said.append(f"These seeds would have shown a gap of {gap} with probability 0.8.")
    if difference.equivalence_seeds and not difference.equivalent:
        said.append(
            f"If they are equal, about {difference.equivalence_seeds} seeds would call them equivalent within "
            f"{100 * found.margin:g} points with probability 0.8."
        )
    return [" ".join(said)]


def costs(found: SideBySide) -> Grid:
    """What each spent a run, and their ratio; then what their completions are like."""
    ours, theirs = found.rows
    rows = []
    for unit in COSTS:
        a, b = ours.budget[unit], theirs.budget[unit]
        rows.append([unit.replace("_", " "), count(a), count(b), f"{a / b:.2f}" if b else NONE])
    rows += [[name, text(ours), text(theirs), ""] for name, text in COMPLETIONS]
    return Grid(headers=("", *found.names, "ratio"), rows=rows)


def terminal(found: SideBySide) -> Group:
    """All of it but most of the problems."""
    parts: list[Text | Table | Rule] = [*(Text(shown(line)) for line in sentences(found)), costs(found).terminal()]
    for part in found.changed:
        for example in part.examples[:IN_TERMINAL]:
            shares = " against ".join(f"{percent(share)} %" for share in example.shares)
            beyond = ", beyond the samples' noise" if example.clear else ""
            parts += [Rule(f"{part.kind}: {shares}{beyond}"), Text(_short(example.question))]
            parts.append(Text(f"expected: {_short(example.answer)}", style="bold"))
            for name, attempt in zip(found.names, example.attempts, strict=True):
                parts.append(Text(f"{shown(name)}, {attempt.verdict}:", style="bold"))
                parts.append(Text(_short(attempt.text)))
    return Group(*parts)


def _short(text: str) -> str:
    return excerpt(text, EXCERPT)
