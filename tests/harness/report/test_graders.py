"""Runs with different graders never share a table, and the table names the grader."""

from pathlib import Path

import pytest

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.report.numbers.board import build
from harness.report.numbers.compare import pair
from harness.report.numbers.selection import Selection
from harness.report.pages.text import markdown
from harness.terminal import Terminal
from tests.support.command_line import harness, refused
from tests.support.graders import OLD, age_journal, judged_by_old
from tests.support.results import records_of, result, suite
from tests.support.small import SUITE, run_small, small_config

NEW = {"grader": "7", "math-verify": "0.9"}
OTHERS = [{"grader": "8", "math-verify": "0.9"}, {"grader": "7", "math-verify": "1.0"}]
"""Another version of our grader, and another version of the library that it uses."""


@pytest.mark.parametrize("other", OTHERS)
def test_runs_of_two_graders_are_refused_by_name(small_runs: dict[str, Path], other: dict[str, str]) -> None:
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    results = [result(judged_by_old(agro, **NEW)), result(judged_by_old(grpo, **other))]
    named = f"{other['grader']}/{other['math-verify']}"
    said = rf"different graders.*--grader.*--fresh.*7/0.9 \(1 x agro on_policy\); {named} \(1 x grpo on_policy\)"
    with pytest.raises(HarnessError, match=said):
        build(suite(), results)
    with pytest.raises(HarnessError, match="different graders"):
        pair("agro", "grpo", results, None)
    assert len(build(suite(), Selection(grader=named).of(results)).runs) == 1


def test_a_grader_is_chosen_by_its_version_or_by_all_of_its_name(small_runs: dict[str, Path]) -> None:
    agro = records_of(small_runs, "agro")
    versions = [NEW, *OTHERS]
    results = [result(judged_by_old(agro, **one), seed=seed) for seed, one in enumerate(versions)]
    assert [run.grader for run in Selection(grader="7").of(results)] == ["7/0.9", "7/1.0"]
    assert [run.grader for run in Selection(grader="7/1.0").of(results)] == ["7/1.0"]
    with pytest.raises(HarnessError, match=r"--grader 6: there is no such run here; choose from 7/0.9, 7/1.0, 8/0.9"):
        Selection(grader="6").of(results)


def test_the_table_names_its_grader(small_runs: dict[str, Path]) -> None:
    agro = records_of(small_runs, "agro")
    assert "grader 7/0.9 judged all" in markdown(build(suite(), [result(judged_by_old(agro, **NEW))]))
    first = judged_by_old(agro, **{"grader": "1", "math-verify": "0.9.0"})
    assert "judged all" not in markdown(build(suite(), [result(first)])), "published tables stay as they are"


def test_the_command_line_refuses_and_selects(tmp_path: Path) -> None:
    runs = [tmp_path / SUITE / "runs" / name for name in ("agro", "grpo")]
    for run in runs:
        assert run_small(small_config(run.name), run) == "finished"
    age_journal(runs[0])
    command = ["leaderboard", "--suite", SUITE, "--out", str(tmp_path)]
    refused(command, "different graders", "0/0.1 (1 x agro on_policy)", "--grader")
    code, output = harness(*command, "--grader", OLD["grader"], "--explain")
    assert code == 0 and "grader 0/0.1 judged all" in " ".join(output.split())
    refused(["compare", "agro", "grpo", "--suite", SUITE, "--out", str(tmp_path)], "different graders", "--grader")


def test_a_run_is_not_taken_up_by_another_grader(tmp_path: Path) -> None:
    """Half of its rewards would come from another grader. A run that has ended stays as it is."""
    config, run = small_config("agro"), tmp_path / "runs" / "a"
    left = iter(range(4))
    assert run_small(config, run, should_stop=lambda: next(left, None) is None) == "interrupted"
    age_journal(run)
    with pytest.raises(
        HarnessError, match=r"with grader 0/0.1, but the current grader is .*; start again with --fresh"
    ):
        run_small(config, run)
    assert run_small(config, run, fresh=True) == "finished"
    age_journal(run)
    assert run_small(config, run) == "finished"


def test_an_archive_of_the_first_grader_is_listed(committed: Path, tmp_path: Path) -> None:
    from harness.report.commands import make_leaderboard

    archive = committed / "results" / "smollm2-sums" / "runs.tar.xz"
    make_leaderboard(load_suite("smollm2-sums"), Selection(grader="1"), [str(archive)], tmp_path, Terminal(quiet=True))
    assert (tmp_path / "smollm2-sums" / "leaderboard.md").is_file()
