"""Runs that cannot go on, because a gradient is not finite or the disk is full."""

from pathlib import Path

import pytest

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.journal import Journal
from harness.records.results import read_results
from harness.report.numbers.board import build
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
