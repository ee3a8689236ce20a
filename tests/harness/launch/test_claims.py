"""Two invocations at once: one goes on, and the other says which process holds the runs."""

import time
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.records.claims import CLAIM, FOLDER, claimed
from tests.support.command_line import two_runs
from tests.support.processes import FORKS
from tests.support.small import SUITE, assert_same_run


def test_of_the_same_command_typed_twice_one_goes_on(small_runs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    both = [two_runs(out), two_runs(out)]
    codes = {typed.code(): typed for typed in both}
    assert set(codes) == {0, 2}, [typed.stderr for typed in both]
    (sentence,) = [line for line in codes[2].stderr.splitlines() if line.startswith("harness: ")]
    assert f"is being run by process {codes[0].process.pid} on" in sentence and "harness run --suite" in sentence
    assert "Traceback" not in codes[2].stderr
    for name in ("agro", "grpo"):
        (run,) = (out / SUITE / "runs").glob(f"{name}-*")
        assert_same_run(run, small_runs[name])
    assert not list((out / SUITE / FOLDER).glob(f"*/{CLAIM}"))


def test_other_runs_of_the_suite_go_on_beside_them(tmp_path: Path) -> None:
    with claimed(tmp_path, ["a", "b"], "harness run --algos a,b"):
        with claimed(tmp_path, ["c"], "harness run --algos c"):
            assert len(list((tmp_path / FOLDER).glob(f"*/{CLAIM}"))) == 2
        refused = pytest.raises(
            HarnessError, match=r"^b is being run by process \d+ on \S+ \(harness run --algos a,b\)"
        )
        with refused, claimed(tmp_path, ["b", "d"], "another"):
            pass
    with claimed(tmp_path, ["b"], "later"):
        pass


def test_a_claim_goes_with_its_process(tmp_path: Path) -> None:
    holder = FORKS.Process(target=_hold, args=(tmp_path,))
    holder.start()
    deadline = time.monotonic() + 60
    while not list((tmp_path / FOLDER).glob(f"*/{CLAIM}")) and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(HarnessError, match=f"by process {holder.pid}"), claimed(tmp_path, ["a"], "another"):
        pass
    holder.kill()
    holder.join()
    with claimed(tmp_path, ["a"], "another"):
        assert len(list((tmp_path / FOLDER).glob(f"*/{CLAIM}"))) == 1


def test_a_claim_that_ends_while_it_is_read_is_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FOLDER / "ending").mkdir(parents=True)
    (tmp_path / FOLDER / "ending" / CLAIM).write_text("{}")

    def ends_now(folder: Path) -> bool:
        (folder / CLAIM).unlink()
        return True

    monkeypatch.setattr("harness.records.claims.is_locked", ends_now)
    with claimed(tmp_path, ["a"], "another"):
        pass


def _hold(folder: Path) -> None:
    with claimed(folder, ["a"], "harness run"):
        time.sleep(600)
