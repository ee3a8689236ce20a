"""A sweep in parts. Each command runs its own part, and together they make the sweep.

No run is trained here. The executor gives each run the journal that its arm and seed would have.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from evaluators.statistics.accuracy import write_records
from harness.config.run_config import RunConfig
from harness.launch.executors.executor import Ended, RunRequest, Terms
from harness.launch.interrupts import Interrupts
from harness.launch.places import Places
from harness.records.events import Invocation
from harness.records.out_dir import OutDir, completions_of
from harness.records.results import read_results
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.looks import SKILL, played, write
from tests.support.results import records_of, with_verdicts
from tests.support.small import SUITE, Line

RUN = ["run", "--algos", "grpo,agro", "--seeds", "3", *SETTINGS, "--anyway"]


class Played:
    """An executor whose runs end as soon as they begin."""

    def __init__(self, records: list[Line]) -> None:
        self.records = records
        self.asked: list[list[RunConfig]] = []
        self.invocations: list[Invocation] = []

    @contextmanager
    def open(self, places: Places) -> Iterator["Played"]:
        yield self

    def look(self, config: RunConfig, interrupts: Interrupts, watch: Callable[[], None]) -> "Played":
        return self

    def why_not(self) -> str:
        return ""

    def run(
        self, requests: Sequence[RunRequest], terms: Terms, interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Ended]:
        self.asked.append([request.config for request in requests])
        self.invocations.append(terms.invocation)
        for request in requests:
            lines = played(self.records, request.config, asdict(terms.invocation), SKILL | {"ppo": 0.9})
            if request.config.evaluation.test_problems == 1:  # a trial
                lines = with_verdicts(lines, {"p00": "c"})
            write(lines, request.directory)
            table = request.directory / completions_of("test", lines[-1]["step"])
            table.parent.mkdir(exist_ok=True)
            write_records([], table)
            watch()
            yield request, "finished"

    def running(self) -> Mapping[str, str]:
        return {}


@pytest.fixture
def executor(small_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Played:
    made = Played(records_of(small_runs, "grpo"))
    monkeypatch.setattr("harness.launch.carry_out.running", made.open)
    return made


@pytest.fixture
def out(tmp_path: Path, empty_store: Path) -> Path:
    (tmp_path / "out").mkdir()
    shutil.copy(empty_store, tmp_path / "out")
    return tmp_path / "out"


def typed(out: Path, *command: str) -> str:
    code, output = harness(*command, "--out", str(out))
    assert code == 0, output
    return output


def test_parts_are_the_sweep(executor: Played, out: Path, tmp_path: Path) -> None:
    first = typed(out, *RUN, "--part", "1/2")
    assert "part 1/2 of grpo,agro x 3 seeds of tiny-arithmetic: 3 runs" in first
    assert re.search("3 of 6 runs of this sweep have ended in", first)
    assert "missing" in (out / SUITE / "leaderboard.md").read_text()
    second = typed(out, *RUN, "--part", "2/2")
    assert re.search("6 of 6 runs of this sweep have ended in", second)
    assert "missing" not in (out / SUITE / "leaderboard.md").read_text()

    (tmp_path / "whole").mkdir()
    shutil.copy(out / "mlflow.db", tmp_path / "whole")
    typed(tmp_path / "whole", *RUN)
    one, two, whole = executor.asked
    assert {run.run_id for run in [*one, *two]} == {run.run_id for run in whole}
    assert len(one) + len(two) == len(whole)
    assert executor.invocations == [executor.invocations[0]] * 3, "a part is another invocation"
    for name in ("leaderboard.json", "leaderboard.md"):
        assert (out / SUITE / name).read_text() == (tmp_path / "whole" / SUITE / name).read_text()


def test_parts_on_other_machines_are_put_together_by_from(executor: Played, out: Path, tmp_path: Path) -> None:
    there = []
    for number in ("1", "2", "3"):
        there.append(tmp_path / number)
        there[-1].mkdir()
        shutil.copy(out / "mlflow.db", there[-1])
        typed(there[-1], *RUN, "--part", f"{number}/3")
    sources = [part for path in there for part in ("--from", str(path))]
    typed(tmp_path / "all", "leaderboard", "--suite", SUITE, *sources)
    typed(out, *RUN)
    assert (tmp_path / "all" / SUITE / "leaderboard.md").read_text() == (out / SUITE / "leaderboard.md").read_text()


def test_an_empty_part_is_no_error(executor: Played, out: Path) -> None:
    """A SLURM array may have more tasks than there are runs."""
    assert "part 7/7 has no runs, because grpo,agro x 3 seeds has only 6" in typed(out, *RUN, "--part", "7/7")
    assert not executor.asked


def test_runs_start_longest_first(executor: Played, out: Path) -> None:
    typed(out, "run", "--algos", "grpo,ppo", "--seeds", "2", *SETTINGS, "--anyway")
    assert [(run.objective.name, run.seed) for run in executor.asked[0]] == [
        ("ppo", 0),
        ("ppo", 1),
        ("grpo", 0),
        ("grpo", 1),
    ]


OTHERS = {
    "tuning.md": ["tune", "--algos", "grpo,agro", "--trials", "2", *SETTINGS, "--anyway"],
    "staleness.md": ["staleness", "--algos", "grpo,agro", "--lags", "1", "--seeds", "2", *SETTINGS, "--anyway"],
}


@pytest.mark.parametrize("table", OTHERS)
def test_tables_that_need_all_runs_are_written_by_the_last_part(table: str, executor: Played, out: Path) -> None:
    command = OTHERS[table]
    said = typed(out, *command, "--part", "1/2")
    assert "the last part to end writes the tables" in said
    assert not list(out.glob(f"*/{table}"))
    typed(out, *command, "--part", "2/2")
    assert list(out.glob(f"*/{table}"))
    ids = [run.run_id for asked in executor.asked for run in asked]
    assert len(set(ids)) == len(ids) == len(list(OutDir(out).runs()))
    assert all(result.status == "finished" for result in read_results(OutDir(out).journals("*")))


def test_replicate_in_parts(executor: Played, out: Path) -> None:
    typed(out, "run", "--algos", "grpo,agro,ppo", "--seeds", "5", *SETTINGS, "--anyway")
    typed(out, "export", "--suite", SUITE)
    command = ["replicate", "--suite", SUITE, "--from", str(out / SUITE / "runs.tar.xz"), "--seeds", "2", "--anyway"]
    again = out.parent / "again"
    again.mkdir()
    shutil.copy(out / "mlflow.db", again)
    typed(again, *command, "--part", "1/2")
    assert not list(again.glob("*/replicate.json"))
    typed(again, *command, "--part", "2/2")
    assert list(again.glob("*/replicate.json"))


@pytest.mark.parametrize("part", ["0/4", "5/4", "a/b"])
@pytest.mark.parametrize("command", [RUN, *OTHERS.values()], ids=lambda command: command[0])
def test_what_is_no_part_is_refused_by_every_command(command: list[str], part: str, tmp_path: Path) -> None:
    refused([*command, "--part", part, "--out", str(tmp_path)], f"--part '{part}': give I/N")


def test_parts_and_looks_do_not_go_together(tmp_path: Path) -> None:
    command = ["run", "--algos", "grpo,agro", "--until", "decided", *SETTINGS, "--part", "1/2", "--out", str(tmp_path)]
    refused(command, "--part 1/2 needs a fixed number of seeds")


@pytest.mark.parametrize("command", [RUN, *OTHERS.values()], ids=lambda command: command[0])
@pytest.mark.parametrize("devices", ["0-7", "cuda:0", "cpu:0", "GPU-12"])
def test_devices_that_are_not_there_are_refused_before_anything_starts(
    command: list[str], devices: str, executor: Played, tmp_path: Path
) -> None:
    refused([*command, "--devices", devices, "--out", str(tmp_path)], f"--devices {devices}".split()[0])
    assert not executor.asked and not list(tmp_path.glob("*/runs"))
