"""A real process that is really killed. The final journal equals that of a run without interruption."""

import signal
import time
from pathlib import Path

import pytest

from evaluators.types import Split
from harness.records.out_dir import CHECKPOINT
from harness.training.state import RunState
from tests.support.killed import start
from tests.support.processes import exit_code
from tests.support.small import assert_same_run, history, run_small, small_config


def kill_at(directory: Path, lines: int) -> None:
    """Starts the run, and kills it with SIGKILL as soon as its journal has ``lines`` lines."""
    process = start(directory)
    journal = directory / "journal.jsonl"
    while process.is_alive():
        if journal.is_file() and journal.read_bytes().count(b"\n") >= lines:
            process.kill()
            break
        time.sleep(0.002)
    assert exit_code(process) == -signal.SIGKILL


def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(
    small_runs: dict[str, Path], tmp_path: Path
) -> None:
    for lines in (1, 3, 5, 8, 10):  # start, evaluation, and steps on both sides of the middle checkpoint
        kill_at(tmp_path, lines)
        assert len(history(tmp_path)) < len(history(small_runs["agro"]))
    assert exit_code(start(tmp_path, die_in_checkpoint=True)) in (-signal.SIGKILL, 0)
    assert exit_code(start(tmp_path)) == 0
    assert_same_run(tmp_path, small_runs["agro"])


def test_a_run_killed_inside_a_checkpoint_write_resumes_from_the_one_before(
    small_runs: dict[str, Path], tmp_path: Path
) -> None:
    assert exit_code(start(tmp_path, die_in_checkpoint=True)) == -signal.SIGKILL
    assert (tmp_path / CHECKPOINT).with_suffix(".partial").exists()
    assert exit_code(start(tmp_path)) == 0
    assert_same_run(tmp_path, small_runs["agro"])


def test_what_was_sampled_beyond_the_budget_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends on a discarded step and is killed during its last evaluation. It does not sample that step again."""
    config = small_config("agro", budget={"unit": "sampled_tokens", "total": 900}, evaluation__shares=[0, 1])
    run_small(config, tmp_path / "whole")
    evaluate = RunState.evaluate

    def interrupted(run: RunState, split: Split) -> None:
        if split is Split.TEST and run.iteration > 0:
            raise KeyboardInterrupt
        evaluate(run, split)

    monkeypatch.setattr(RunState, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_small(config, tmp_path / "resumed")
    monkeypatch.undo()
    run_small(config, tmp_path / "resumed")
    assert history(tmp_path / "whole")[-1]["spent"]["discarded_completions"] == 16
    assert history(tmp_path / "resumed") == history(tmp_path / "whole")
