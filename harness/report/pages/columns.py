"""The columns of a leaderboard, each once: for Markdown, terminal, page, dataset card and legend."""

from collections.abc import Callable, Mapping, Sequence

from evaluators.statistics.ranking import LEVEL
from harness.report.numbers.document import ArmRow, RegimeBoard, Spread
from harness.report.pages.cells import NONE, count, digits, p_value, percent, points, ranks, span
from harness.report.pages.grid import Column, interval, share

Arm = Mapping[str, ArmRow]
"""An arm's rows by regime."""


def verdict(row: ArmRow) -> str:
    """What may be said of the difference to the baseline."""
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
    """With what makes it say little: a single seed, or no reward."""
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
    """Marked where it is not what the baseline spends."""

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
        "accuracy: share of correct samples on the test split, mean over seeds, start: the same before training; ±: "
        "95 % t-interval for other seeds on these problems, which all rows share; on other problems all rows would "
        "move, and together",
        whole=True,
    ),
    share("start", lambda row: row.start_accuracy),
    interval(
        "difference",
        lambda row: row.difference,
        "difference: to the baseline, paired by seed and problem, in points; ±: 95 % interval for other seeds and "
        "other problems of the kind, {interval}",
        signed=True,
        whole=True,
    ),
    Column(
        "p",
        lambda row: NONE if (p := _p(row)) is None else p_value(p),
        _p,
        "p: of no difference, Holm-corrected for {verdicts}; P(>): probability that a run beats a run of the baseline",
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
        f"verdict: better or worse below p = {LEVEL}; equivalent: within {{margin:g}} points, by two one-sided tests "
        f"at {LEVEL}, corrected likewise; else {{undecided}}; rank: by Holm's correction over {{ranks}}",
    ),
)
"""What an arm's runs reached; a note's ``margin`` is the suite's, in points, and what tests were corrected over."""


def _spread(
    name: str, text: Callable[[Spread], str], value: Callable[[Spread], float | None], note: str = ""
) -> Column[ArmRow]:
    return Column(
        name,
        lambda row: text(row.spread) if row.spread else NONE,
        lambda row: value(row.spread) if row.spread else None,
        note,
        whole=True,
    )


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
        "runs, median, sd: test accuracies of the single runs; collapsed: runs that end 10 points or more below their "
        "own start, or below it and as outliers 10 points or more below the median run",
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
        "other problems: 95 % interval of accuracy for other seeds and other problems of the kind; P(>) interval: "
        "95 %, for other seeds, from three runs on",
    ),
    Column(
        "P(>) interval",
        _improvement_span,
        lambda row: row.difference.improvement_low if row.difference else None,
        whole=True,
    ),
)
"""How far its runs lie apart."""
TOOK: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    _spent(
        "sampled",
        "sampled_completions",
        "sampled: completions; steps: of the optimiser; tokens: sampled ones; FLOPs: of all models involved",
    ),
    _spent("steps", "optimizer_steps"),
    _spent("tokens", "sampled_tokens"),
    _spent("FLOPs", "flops"),
    _spent("seconds", "seconds"),
)
BEHAVED: tuple[Column[ArmRow], ...] = (
    OBJECTIVE,
    interval(
        "on the way %",
        lambda row: row.mean_over_budget,
        "on the way: mean validation accuracy over the budget; KL: to the reference, nats a completion; pi/mu: "
        "mean probability ratio of policy to behaviour over the completions of the last tenth of the steps, 1 in "
        "expectation, near 0 where the policy has left what it is trained on; length: tokens "
        "a completion; cut: at the length limit; paid: accepted by the grader against a second rule, missed: the other "
        "way round",
    ),
    Column("KL", lambda row: digits(row.kl), lambda row: row.kl),
    Column("pi/mu", lambda row: digits(row.ratio_mean), lambda row: row.ratio_mean),
    Column("length", lambda row: digits(row.completion_tokens), lambda row: row.completion_tokens),
    share("cut %", lambda row: row.truncated),
    share("timeouts %", lambda row: row.grader_timeouts),
    share("paid %", lambda row: row.audit_paid),
    share("missed %", lambda row: row.audit_missed),
)
AFTERWARDS = (("How sure that is", SPREAD), ("What that took, a run", TOOK), ("How it got there", BEHAVED))
"""The tables below that of what was reached, controls included."""


def across(boards: Sequence[RegimeBoard]) -> tuple[list[Column[Arm]], list[Arm]]:
    """An arm a row, controls last; its mean accuracy and rank in each regime a column."""
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
