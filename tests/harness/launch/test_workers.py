"""Runs side by side are the same as runs one after the other."""

from pathlib import Path

from harness.launch.devices import cores
from tests.support.command_line import two_runs
from tests.support.small import SUITE, assert_same_run


def test_two_workers_make_the_runs_that_one_makes(tmp_path: Path) -> None:
    """Both are made again, so that no run agrees with the others only because it was the first of its process."""
    for workers in ("1", "2"):
        done = two_runs(tmp_path / workers, "--workers", workers, "--seeds", "2")
        assert done.code() == 0, done.stderr
        assert f"4 runs, 100 completions each, {workers} at a time" in done.stdout
    ones = sorted((tmp_path / "1" / SUITE / "runs").iterdir())
    assert [run.name for run in ones] == [run.name for run in sorted((tmp_path / "2" / SUITE / "runs").iterdir())]
    for run in ones:
        assert_same_run(run, tmp_path / "2" / SUITE / "runs" / run.name)


def test_more_workers_than_cores_are_one_warning(tmp_path: Path) -> None:
    """Threads are part of the config, so they are not divided. The runs go on as the user asked."""
    crowded = ["--workers", "2", f"--set=compute.threads={cores()}", "--set=evaluation.shares=[1]"]
    done = two_runs(tmp_path / "out", *crowded)
    assert done.code() == 0, done.stderr
    assert done.stdout.count("warning: 2 workers with") == 1
    assert "1 at a time would fit" in done.stdout
    assert "2 runs, 100 completions each, 2 at a time" in done.stdout
