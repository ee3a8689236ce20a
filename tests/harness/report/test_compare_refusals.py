"""What ``harness compare`` cannot compare. It names the settings that differ, with their values, and what to type."""

import re
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.report.numbers.compare import pair
from harness.report.numbers.selection import Selection
from tests.support.results import records_of, result


@pytest.fixture
def agro(small_runs: dict[str, Path]) -> RunResult:
    return result(records_of(small_runs, "agro"))


def grpo(small_runs: dict[str, Path], **changes: object) -> RunResult:
    return result(records_of(small_runs, "grpo"), **changes)


def why_not(a: str, b: str, *runs: RunResult) -> str:
    with pytest.raises(HarnessError) as refused:
        pair(a, b, runs, None)
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("budget__total", 200.0, "budget.total (100.0, 200.0)"),
        ("rollout__temperature", 0.5, "rollout.temperature (1.0, 0.5)"),
        ("limit", 8, "limit (null, 8)"),
    ],
)
def test_unmatched_objectives_are_explained_and_a_set_can_be_chosen(
    key: str, value: object, said: str, agro: RunResult, small_runs: dict[str, Path]
) -> None:
    other = grpo(small_runs, **{key: value})
    sentence = why_not("agro", "grpo", agro, other)
    name, _, values = said.partition(" ")
    first, second = re.findall(r"[\w.]+", values)
    assert f"differ in {name} (" in sentence and first in sentence and second in sentence
    assert f"--match: {min(agro.config.match_key, other.config.match_key)}" in sentence
    both = [agro, other, grpo(small_runs)]
    chosen = Selection(match=agro.config.match_key).of(both)
    assert len(pair("agro", "grpo", chosen, None).runs) == 1


def test_one_common_seed_says_nothing_about_others(agro: RunResult, small_runs: dict[str, Path]) -> None:
    """Also if one side has more seeds."""
    other, more = grpo(small_runs), result(records_of(small_runs, "agro"), seed=5)
    pairs = pair("agro", other.run_id, [agro, more, other], None)
    assert len(pairs.runs) == 1 and pairs.single
    both = pair("agro", "grpo", [agro, more, other, grpo(small_runs, seed=5)], None)
    assert len(both.runs) == 2 and not both.single


def test_unmatched_runs_that_are_named_are_explained(agro: RunResult, small_runs: dict[str, Path]) -> None:
    """No option could choose others, so none is suggested."""
    other = grpo(small_runs, budget__total=200.0)
    sentence = why_not(agro.run_id, other.run_id, agro, other)
    assert "budget.total (100.0, 200.0)" in sentence and "--match" not in sentence
    by_key = why_not(agro.config.arm_key, other.config.arm_key, agro, other)
    assert "budget.total (100.0, 200.0)" in by_key and "--match" not in by_key


def test_several_settings_of_an_objective_are_told_apart(agro: RunResult, small_runs: dict[str, Path]) -> None:
    fast = result(records_of(small_runs, "agro"), optimizer__learning_rate=0.5, seed=1)
    sentence = why_not("agro", "grpo", agro, fast, grpo(small_runs))
    assert f"{fast.config.arm_key} (optimizer.learning_rate 0.5)" in sentence
    rate = agro.config.optimizer.learning_rate
    assert f"{agro.config.arm_key} (optimizer.learning_rate {rate})" in sentence
    assert len(pair(fast.config.arm_key, agro.config.arm_key, [agro, fast], None).runs) == 1


def test_another_start_is_named(agro: RunResult, small_runs: dict[str, Path]) -> None:
    records = records_of(small_runs, "grpo")
    records[0]["identity"]["problems"]["test"] = "0123456789"
    sentence = why_not("agro", "grpo", agro, result(records))
    assert "problems.test (" in sentence and "0123456789" in sentence and "weights (" not in sentence


def test_a_selection_that_leaves_nothing_says_what_is_there(agro: RunResult) -> None:
    with pytest.raises(HarnessError, match=r"seeds 0 with 100 completions"):
        Selection(seeds=(7,)).of([agro])
