"""Intervals for the metrics of lm-eval, for shares and for other numbers."""

import pytest

from evaluators.statistics.estimates import over_seeds
from harness.report.numbers.interval import Interval
from harness.studies.evals.lm_eval import interval_of


@pytest.mark.parametrize("values", [[0.0, 0.0, 1.0, 0.0], [0.0] * 4, [0.25, 0.5, 1.0]])
def test_a_share_has_an_interval_between_0_and_1(values: list[float]) -> None:
    found = interval_of(values)
    assert found == Interval.over_problems(values)
    assert found.low is not None and found.high is not None and 0 <= found.low < found.high <= 1


def test_a_length_has_students() -> None:
    lengths = [12.0, 7.5, 30.0]
    assert interval_of(lengths) == Interval.of(over_seeds(lengths))
