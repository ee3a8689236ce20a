"""A quick look is kept apart from full runs, and is marked everywhere."""

import json
from pathlib import Path

import pytest
import yaml

from harness.config.arms import run_config
from harness.config.suites import load_suite, suite_names
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.small import SUITE

RUN = ["run", "--algos", "agro,grpo", "--seeds", "1", *(one for one in SETTINGS if not one.startswith("--set=budget"))]


@pytest.mark.parametrize("name", suite_names())
@pytest.mark.parametrize("limit", [1, 7, 100_000])
def test_a_limited_suite_is_another_one_and_no_larger(name: str, limit: int) -> None:
    whole, small = load_suite(name), load_suite(name, [("limit", limit)])
    assert small.name == f"{name}-limit-{limit}"
    assert small.evaluation.test_problems == min(limit, whole.evaluation.test_problems)
    assert small.evaluation.validation_problems == min(limit, whole.evaluation.validation_problems)
    assert small.tuning.validation_problems == min(limit, whole.tuning.validation_problems)
    step = small.rollout.prompts * small.rollout.group_size
    assert small.budget.unit == "completions" and small.budget.total >= step
    assert small.budget.total - step < limit * small.rollout.group_size


def test_it_is_no_row_of_a_full_table() -> None:
    whole, small = load_suite(SUITE), load_suite(SUITE, [("limit", 100_000)])  # more than there is of anything
    ours, theirs = (run_config(suite, "agro", 0) for suite in (whole, small))
    assert ours.run_id != theirs.run_id and ours.match_key != theirs.match_key


def test_a_limited_suite_that_was_written_down_is_the_same(tmp_path: Path) -> None:
    small = load_suite(SUITE, [("limit", 5)])
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small.model_dump(mode="json")))
    assert load_suite(str(tmp_path / "suite.yaml")) == small


def test_a_budget_in_another_unit_becomes_one_of_completions() -> None:
    small = load_suite(SUITE, [("budget", {"unit": "flops", "total": 1e15}), ("limit", 5)])
    assert str(small.budget) == f"{small.rollout.prompts * small.rollout.group_size} completions"


def test_two_ways_to_say_how_long_a_run_is_are_refused() -> None:
    refused([*RUN, "--limit", "4", "--budget", "completions=99"], "--limit 4 and --budget")
    refused([*RUN, "--limit", "4", "--set", "budget.total=99"], "--limit 4 and --budget")


def test_the_results_say_what_they_are(tmp_path: Path) -> None:
    """In the terminal, in every file for readers, and in a comparison."""
    code, output = harness(*RUN, "--limit", "4", "--out", str(tmp_path))
    assert code == 0, output
    name, mark = f"{SUITE}-limit-4", "this is only a quick look at 4 problems"
    folder = tmp_path / name
    assert not (tmp_path / SUITE).exists()
    assert f"warning: {mark}" in output
    assert json.loads((folder / "leaderboard.json").read_text())["limit"] == 4
    assert len(json.loads((folder / "leaderboard.json").read_text())["runs"]) == 2
    for file in ("leaderboard.md", "leaderboard.html"):
        text = (folder / file).read_text()
        assert mark in text and name in text, file
    code, output = harness("compare", "agro", "grpo", "--suite", name, "--out", str(tmp_path))
    assert code == 0, output
    assert mark in output and mark in (folder / "compare.html").read_text()
