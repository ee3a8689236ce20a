"""If the clock jumps during a run, the results of the run stay the same, and the store loses nothing."""

import itertools
from pathlib import Path

import pytest

from harness.launch.syncing import sync_suite
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.tracking.writer import Writer
from tests.support.published import published
from tests.support.small import SUITE, history, journal_of, run_small, small_config

YEAR = 365.0 * 24 * 3600
NOW = 60 * YEAR
CLOCKS = {
    "backwards": (NOW, -YEAR),
    "back to 1970": (NOW, -NOW / 3),
    "forwards": (NOW, 30 * YEAR),
    "standing still": (NOW, 0.0),
}
"""The time of the first look, and how far the clock jumps at each later one."""


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_that_jumps(
    clock: str, small_runs: dict[str, Path], store: OutDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It jumps between all events, and between the two halves of the run."""
    first, jump = CLOCKS[clock]
    times = itertools.accumulate(itertools.repeat(jump), lambda now, by: max(0.0, now + by), initial=first)
    jumping = OutDir(tmp_path / "jumping")
    config = small_config("agro")
    run = jumping.run(SUITE, config.run_id)
    with monkeypatch.context() as patched:
        patched.setattr("time.time", lambda: next(times))
        left = iter(range(4))
        run_small(config, run, should_stop=lambda: next(left, None) is None)
        assert run_small(config, run) == "finished"
    assert history(run) == history(small_runs["agro"])
    seconds = [line["clock"]["seconds"] for line in journal_of(run)[1:]]
    assert seconds == sorted(seconds), "no step took less than no time"
    (result,) = read_results([Journal(run).read()])
    assert result.status == "finished" and all(0 <= amount < 1e12 for amount in result.spent.values())

    Writer(store.tracking_uri, SUITE, store.root)  # a store with its tables
    sync_suite(Writer(store.tracking_uri, SUITE, jumping.root), jumping, SUITE, [run])
    sync_suite(Writer(store.tracking_uri, SUITE, jumping.root), jumping, SUITE, [run])
    status, _, count, histories, files = published(store.tracking_uri)[config.run_id]
    assert (status, count) == ("FINISHED", str(len(journal_of(run))))
    assert [step for step, *_ in histories["train/reward_mean"]] == [16, 32, 48, 64, 80, 96]
    assert files["journal.jsonl"] == (run / "journal.jsonl").read_bytes()
