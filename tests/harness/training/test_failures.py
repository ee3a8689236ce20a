"""Runs that cannot go on, because a gradient is not finite or the disk is full."""

import shutil
from pathlib import Path

import pytest

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.events import Start
from harness.records.journal import Journal
from harness.records.results import read_results
from harness.report.numbers.board import build
from harness.training.checkpoint import CHECKPOINT
from tests.support.command_line import two_runs
from tests.support.small import history, journal_of, run_small, small_config


def test_a_run_that_diverges_has_failed_and_is_counted(tmp_path: Path) -> None:
    config = small_config("grpo", optimizer__learning_rate=1e30, optimizer__warmup_steps=0)
    assert run_small(config, tmp_path) == "failed"
    records = journal_of(tmp_path)
    assert records[-1]["status"] == "failed"
    assert "not finite" in records[-1]["reason"]
    assert run_small(config, tmp_path) == "failed"  # a failed run is not tried again
    assert len(journal_of(tmp_path)) == len(records)
    (result,) = read_results([Journal(tmp_path).read()])
    (row,) = build(load_suite("tiny-arithmetic"), [result]).boards[0].rows
    assert (row.status, row.failed, row.seeds) == ("failed", (0,), ())


def test_a_full_disk_is_one_sentence_and_the_same_command_resumes(small_runs: dict[str, Path], tmp_path: Path) -> None:
    """No file may be larger than one megabyte, so the first checkpoint cannot be written."""
    out = tmp_path / "out"
    full = two_runs(out, largest_file=1_000_000)
    assert full.code() == 2, full.stdout
    (sentence,) = [line for line in full.stderr.splitlines() if line.startswith("harness: ")]
    assert "the same command resumes" in sentence
    assert "Traceback" not in full.stderr
    again = two_runs(out, "--workers", "1")
    assert again.code() == 0, again.stderr
    (agro,) = out.glob("*/runs/agro-*")
    assert history(agro) == history(small_runs["agro"])


@pytest.mark.parametrize("budget", [{"unit": "flops", "total": 1000}, {"unit": "sampled_tokens", "total": 20}], ids=str)
def test_a_budget_below_one_step_is_no_finished_run(budget: dict[str, object], tmp_path: Path) -> None:
    """Otherwise the untrained model would be ranked as the result of its objective."""
    config = small_config(budget=budget)
    for _ in range(2):
        with pytest.raises(HarnessError, match=r"a budget of .* does not cover one step; raise budget\.total"):
            run_small(config, tmp_path)
    assert journal_of(tmp_path)[-1]["event"] != "end"
    assert run_small(small_config("frozen", budget=budget), tmp_path / "frozen") == "finished"


def test_a_checkpoint_of_a_run_that_has_ended_is_deleted(small_runs: dict[str, Path], tmp_path: Path) -> None:
    """It is left over if the process is killed after the last event."""
    shutil.copytree(small_runs["agro"], tmp_path / "run")
    (tmp_path / "run" / CHECKPOINT).write_bytes(b"weights and moments")
    (start, *_) = Journal(tmp_path / "run").read()
    assert isinstance(start, Start)
    assert run_small(start.config, tmp_path / "run") == "finished"
    assert not (tmp_path / "run" / CHECKPOINT).exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"rollout__max_prompt_tokens": 3},
            r"the prompt of problem .+ has 12 tokens",
        ),
        ({"rollout__max_prompt_tokens": 128}, "exceed the context of embedded:tiny-arithmetic, 128 tokens"),
    ],
)
def test_what_is_too_long_is_refused_before_anything_is_sampled(
    changes: dict[str, int], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match=sentence):
        run_small(small_config(**changes), tmp_path)
    assert not (tmp_path / "journal.jsonl").exists()
