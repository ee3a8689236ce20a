"""Families of tests that are corrected together: separately for each table, or for a whole document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from evaluators.statistics.ranking import (
    Comparison,
    Pair,
    Scores,
    Standing,
    against,
    common_seeds,
    corrected,
    pairs,
    standing,
)

Correction = Literal["table", "document"]
"""``table``: in each table, the verdicts, the verdicts of the controls, and the ranks are separate families, and so are
its tests of equivalence.

``document``: all tested differences, each counted once, are one family, and all equivalences are another.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The tests of one table."""

    baseline: Scores | None
    rows: Sequence[Scores]
    """The rows that are compared with the baseline."""
    controls: Sequence[Scores]
    """The controls, which are compared with the baseline separately."""
    ranked: Sequence[Scores]
    """The rows that are compared in pairs, best mean first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The conclusions of one table."""

    rows: dict[str, Comparison]
    controls: dict[str, Comparison]
    standing: Standing
    pairs: dict[Pair, float | None]
    """The corrected p-values of the standing."""
    tests: int
    """The number of pairs that verdicts or ranks test."""
    equivalences: int


def judge(contests: Sequence[Contest], margin: float, correction: Correction) -> list[Judged]:
    """The conclusions of each table. ``margin``: the margin of equivalence, as a share."""
    if correction == "table":
        return [_judged(contest, margin) for contest in contests]
    tests = sum(len(_tested(contest)) for contest in contests)
    equivalences = sum(len(_with_test(contest)) for contest in contests)
    return _together(contests, [_judged(contest, margin, tests, equivalences) for contest in contests], margin)


def _judged(contest: Contest, margin: float, tests: int | None = None, equivalences: int | None = None) -> Judged:
    """The conclusions with a correction within this table."""
    base = contest.baseline
    rows, controls = (
        against(base, others, margin, tests, equivalences) if base else {}
        for others in (contest.rows, contest.controls)
    )
    found = corrected(pairs(contest.ranked))
    return Judged(
        rows=rows,
        controls=controls,
        standing=standing(contest.ranked, found),
        pairs=found,
        tests=len(_tested(contest)),
        equivalences=len(_with_test(contest)),
    )


def _tested(contest: Contest) -> set[Pair]:
    """The pairs that ranks and verdicts test. A pair that both use counts once."""
    ranked = {frozenset((a.name, b.name)) for a, b in combinations(contest.ranked, 2) if len(common_seeds(a, b)) > 1}
    return ranked | {_with_baseline(contest, one.name) for one in _with_test(contest)}


def _with_test(contest: Contest) -> list[Scores]:
    """The rows that are tested against the baseline, with at least two common seeds."""
    base, others = contest.baseline, (*contest.rows, *contest.controls)
    return [one for one in others if base and len(common_seeds(one, base)) > 1]


def _together(contests: Sequence[Contest], alone: Sequence[Judged], margin: float) -> list[Judged]:
    """The same tests with a correction over all tables."""
    p: dict[tuple[int, Pair], float | None] = {}
    same: dict[tuple[int, str], float | None] = {}
    for place, (contest, judged) in enumerate(zip(contests, alone, strict=True)):
        p |= {(place, pair): value for pair, value in pairs(contest.ranked).items()}
        for name, one in (judged.rows | judged.controls).items():
            p[place, _with_baseline(contest, name)] = one.p
            same[place, name] = one.difference.equivalence(margin)
    p, same = corrected(p), corrected(same)

    def again(place: int, found: Mapping[str, Comparison]) -> dict[str, Comparison]:
        keys = {name: _with_baseline(contests[place], name) for name in found}
        return {
            name: replace(one, p_holm=p[place, keys[name]], equivalent_p=same[place, name])
            for name, one in found.items()
        }

    made = []
    for place, (contest, judged) in enumerate(zip(contests, alone, strict=True)):
        found = {pair: p[place, pair] for pair in judged.pairs}
        made.append(
            replace(
                judged,
                rows=again(place, judged.rows),
                controls=again(place, judged.controls),
                standing=standing(contest.ranked, found),
                pairs=found,
            )
        )
    return made


def _with_baseline(contest: Contest, name: str) -> Pair:
    assert contest.baseline
    return frozenset((name, contest.baseline.name))
