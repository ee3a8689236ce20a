"""The columns of a leaderboard. Markdown, terminal, page, dataset card and legend all use these definitions."""

from collections.abc import Callable, Mapping, Sequence

from evaluators.statistics.ranking import LEVEL
from harness.report.numbers.document import ArmRow, RegimeBoard, Spread
from harness.report.pages.cells import NONE, count, digits, p_value, percent, points, ranks, span
from harness.report.pages.grid import Column, interval, share, within

Arm = Mapping[str, ArmRow]
"""The rows of one arm, by regime."""


def verdict(row: ArmRow) -> str:
    """The conclusion that the tests allow about the difference to the baseline."""
    difference = row.difference
    if row.status not in ("ranked", "preliminary"):
        return row.status
    if row.looks:
        return row.looks.verdict or "undecided"
    if difference is None or difference.p_holm is None:
        return NONE
    if row.status == "preliminary":
        return "preliminary"
    if difference.p_holm < LEVEL:
        return "better" if difference.mean > 0 else "worse"
    if difference.equivalent_p is None:
        return "never rewarded"
    return "equivalent" if difference.equivalent else "unclear"


def accuracy(row: ArmRow) -> str:
    """The accuracy, with a remark if it means little because there is one seed or no reward."""
    little = [text for text, holds in (("1 seed", len(row.seeds) == 1), ("no reward", row.unrewarded)) if holds]
    return points(row.accuracy) + (f" ({', '.join(little)})" if little and row.accuracy else "")


def _seeds(row: ArmRow) -> str:
    others = {"failed": row.failed, "unfinished": row.unfinished, "missing": row.missing}
    if row.spread:
        others |= {"collapsed": tuple(run.seed for run in row.spread.collapsed)}
    lost = [f"{len(seeds)} {kind}" for kind, seeds in others.items() if seeds]
    return str(len(row.seeds)) + (f" ({', '.join(lost)})" if lost else "")


def _p(row: ArmRow) -> float | None:
    return row.difference.p_holm if row.difference else None


def _improvement(row: ArmRow) -> float | None:
    return row.difference.improvement if row.difference else None


def _spent(name: str, unit: str, note: str = "") -> Column[ArmRow]:
    """A column of spending. A star marks values that differ from the baseline's."""

    def text(row: ArmRow) -> str:
        return count(row.budget[unit]) + ("*" if unit in row.unmatched else "") if row.budget else NONE

    return Column(name, text, lambda row: row.budget.get(unit), note)


OBJECTIVE: Column[ArmRow] = Column("objective", lambda row: row.objective, lambda row: row.objective)
REACHED: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    Column(
        "rank",
        lambda row: ranks(*row.rank) if row.rank else NONE,
        lambda row: row.rank[0] if row.rank else None,
    ),
    Column("seeds", _seeds, lambda row: len(row.seeds)),
    Column(
        "accuracy %",
        accuracy,
        lambda row: row.accuracy.mean if row.accuracy else None,
        "accuracy: the share of correct samples on the test split, averaged over seeds. start: the same before "
        "training. ±: a 95 % t-interval over seeds, for these test problems. All rows share the problems, so with "
        "other problems all accuracies would move together",
        whole=True,
    ),
    share("start", lambda row: row.start_accuracy),
    interval(
        "difference",
        lambda row: row.difference,
        "difference: the difference to the baseline in points, paired by seed and problem. ±: a 95 % interval that "
        "allows for other seeds and other problems of the same kind, {interval}",
        signed=True,
        whole=True,
    ),
    Column(
        "p",
        lambda row: NONE if (p := _p(row)) is None else p_value(p),
        _p,
        "p: the p-value for no difference, Holm-corrected over {verdicts}. P(>): the probability that a run beats a "
        "run of the baseline",
    ),
    Column(
        "P(>)",
        lambda row: NONE if (found := _improvement(row)) is None else f"{found:.2f}",
        _improvement,
    ),
    Column(
        "verdict",
        verdict,
        verdict,
        f"verdict: better or worse if p < {LEVEL}. equivalent: two one-sided tests at {LEVEL}, corrected in the same "
        "way, show that the difference is within {margin:g} points. Otherwise the verdict is {undecided}. rank: the "
        "best and worst possible place, from pairwise tests that are Holm-corrected over {ranks}",
    ),
)
"""What the runs of an arm reached. The notes have placeholders for the margin in points and for how tests were
corrected; see :func:`harness.report.pages.notes.notes`."""


def _spread(
    name: str, text: Callable[[Spread], str], value: Callable[[Spread], float | None], note: str = ""
) -> Column[ArmRow]:
    return within(lambda row: row.spread, name, text, value, note)


def _improvement_span(row: ArmRow) -> str:
    found = row.difference
    if found is None or found.improvement_low is None or found.improvement_high is None:
        return NONE
    return f"{found.improvement_low:.2f}–{found.improvement_high:.2f}"


SPREAD: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    _spread(
        "runs %",
        lambda found: f"{percent(found.lowest)}–{percent(found.highest)}",
        lambda found: found.lowest,
        "runs, median, sd: range, median and standard deviation of the test accuracies of single runs. collapsed: runs "
        "that end at least 10 points below their own start, and runs that end below their start and are outliers at "
        "least 10 points below the median run",
    ),
    _spread("median %", lambda found: percent(found.median), lambda found: found.median),
    _spread("sd", lambda found: percent(found.deviation), lambda found: found.deviation),
    _spread(
        "collapsed",
        lambda found: str(len(found.collapsed)) if found.collapsed else NONE,
        lambda found: len(found.collapsed) or None,
    ),
    _spread(
        "other problems %",
        lambda found: span(found.elsewhere, percent),
        lambda found: found.elsewhere.low,
        "other problems: a 95 % interval for the accuracy that allows for other seeds and other problems of the same "
        "kind. P(>) interval: a 95 % interval over seeds; it needs at least three runs",
    ),
    Column(
        "P(>) interval",
        _improvement_span,
        lambda row: row.difference.improvement_low if row.difference else None,
        whole=True,
    ),
)
"""How much the runs of an arm vary."""
TOOK: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    _spent(
        "sampled",
        "sampled_completions",
        "sampled: sampled completions. steps: optimiser steps. tokens: sampled tokens. FLOPs: those of all models that "
        "take part",
    ),
    _spent("steps", "optimizer_steps"),
    _spent("tokens", "sampled_tokens"),
    _spent("FLOPs", "flops"),
    _spent("seconds", "seconds"),
)
BEHAVED: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    interval(
        "during training %",
        lambda row: row.mean_over_budget,
        "during training: validation accuracy, averaged over the budget. KL: the KL divergence from the reference, in "
        "nats per completion. pi/mu: the mean probability ratio of policy to behaviour policy, over the completions of "
        "the last tenth of the steps; its expectation is 1, and it is near 0 if the policy has moved away from the "
        "completions that it is trained on. length: tokens per completion. cut: completions that reached the length "
        "limit. timeouts: completions on which the grader ran out of time. paid: accepted by the grader, rejected by "
        "a second rule. missed: rejected by the grader, accepted by that rule",
    ),
    Column("KL", lambda row: digits(row.kl), lambda row: row.kl),
    Column("pi/mu", lambda row: digits(row.ratio_mean), lambda row: row.ratio_mean),
    Column("length", lambda row: digits(row.completion_tokens), lambda row: row.completion_tokens),
    share("cut %", lambda row: row.truncated),
    share("timeouts %", lambda row: row.grader_timeouts),
    share("paid %", lambda row: row.audit_paid),
    share("missed %", lambda row: row.audit_missed),
)
AFTERWARDS = (("Variation between runs", SPREAD), ("Cost of a run", TOOK), ("Training and completions", BEHAVED))
"""Titles and columns of the tables below the main one. They include the controls."""


def across(boards: Sequence[RegimeBoard]) -> tuple[list[Column[Arm]], list[Arm]]:
    """A table with one row per arm, controls last, and one column per regime with mean accuracy and rank."""
    ordered = [row for part in boards for row in part.rows] + [row for part in boards for row in part.controls]
    arms: dict[str, dict[str, ArmRow]] = {row.objective: {} for row in ordered}
    for part in boards:
        for row in part.arms:
            arms[row.objective][part.regime] = row
    return [Column("objective", _name, _name), *(_placed(part.regime) for part in boards)], list(arms.values())


def _name(arm: Arm) -> str:
    return next(iter(arm.values())).objective


def _placed(regime: str) -> Column[Arm]:
    def text(arm: Arm) -> str:
        row = arm.get(regime)
        reached = accuracy(row) if row else NONE
        return f"{reached} ({ranks(*row.rank)})" if row and row.rank else reached

    def value(arm: Arm) -> str | None:
        row = arm.get(regime)
        return percent(row.accuracy.mean) if row and row.accuracy else None

    return Column(regime, text, value)
