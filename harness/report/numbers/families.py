"""The families of tests in a document: which tests were corrected together, and how many there are."""

from collections.abc import Sequence

from evaluators.statistics.families import Correction, Judged
from harness.report.numbers.document import Family


def families(correction: Correction, regimes: Sequence[str], judged: Sequence[Judged]) -> tuple[Family, ...]:
    """All families that have at least one test."""
    found = _together(judged) if correction == "document" else _by_table(regimes, judged)
    return tuple(family for family in found if family.tests)


def _by_table(regimes: Sequence[str], judged: Sequence[Judged]) -> list[Family]:
    found: list[Family] = []
    for regime, one in zip(regimes, judged, strict=True):
        verdicts, controls = (sum(made.p is not None for made in part.values()) for part in (one.rows, one.controls))
        ranks = sum(p is not None for p in one.pairs.values())
        found += [
            Family(of="verdicts", regime=regime, tests=verdicts),
            Family(of="controls", regime=regime, tests=controls),
            Family(of="ranks", regime=regime, tests=ranks),
            Family(of="equivalence", regime=regime, tests=verdicts),
            Family(of="equivalence", regime=regime, tests=controls),
        ]
    return found


def _together(judged: Sequence[Judged]) -> list[Family]:
    return [
        Family(of="differences", regime=None, tests=sum(one.tests for one in judged)),
        Family(of="equivalence", regime=None, tests=sum(one.equivalences for one in judged)),
    ]
