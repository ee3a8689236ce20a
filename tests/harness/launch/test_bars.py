"""The display while runs run: where they run, how many wait, how long they still take, and what a look costs."""

import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

import harness.launch.bars
import harness.launch.standing
from harness.config.run_config import RunConfig
from harness.launch.bars import Display
from harness.records.events import End, Evaluation, Event, Start, Step, encode
from harness.records.journal import JOURNAL, Follower, Journal
from harness.records.ledger import Ledger
from harness.terminal import Level, Terminal
from tests.support.small import small_config

Runs = list[tuple[RunConfig, Path]]


def runs_in(out: Path, count: int) -> Runs:
    return [(small_config(seed=seed), out / f"{seed}") for seed in range(count)]


class Written:
    """Journals that grow as if their runs ran. They have copies of the events of a real journal."""

    def __init__(self, of: Path) -> None:
        self.events = Journal(of).read()

    def begin(self, path: Path) -> None:
        path.mkdir(parents=True)
        self._add(path, next(event for event in self.events if isinstance(event, Start)))

    def step(self, path: Path, completions: int) -> None:
        step = next(event for event in self.events if isinstance(event, Step))
        self._add(path, replace(step, ledger=Ledger(completions=completions)))

    def test(self, path: Path, problems: int) -> None:
        event = next(event for event in self.events if isinstance(event, Evaluation) and event.split == "test")
        verdicts = {str(problem): "c" for problem in range(problems)}
        self._add(path, replace(event, summary=replace(event.summary, accuracy=1.0, verdicts=verdicts)))

    def end(self, path: Path) -> None:
        self._add(path, next(event for event in self.events if isinstance(event, End)))

    def _add(self, path: Path, event: Event) -> None:
        with (path / JOURNAL).open("a") as file:
            file.write(json.dumps(encode(event)) + "\n")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in (harness.launch.bars, harness.launch.standing):
            monkeypatch.setattr(module, "time", self)

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def written(small_runs: dict[str, Path]) -> Written:
    return Written(small_runs["agro"])


def shown(display: Display) -> str:
    """Everything on the terminal."""
    console = Terminal(file=io.StringIO(), width=200, force_terminal=True)
    console.print(display._bars.get_renderable())
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def on_a_terminal(runs: Runs, hours: list[float] | None = None) -> Display:
    return Display(Terminal(file=io.StringIO(), width=200, force_terminal=True), runs, hours)


def test_where_runs_run_and_how_many_wait(written: Written, tmp_path: Path) -> None:
    runs = runs_in(tmp_path, 5)
    display = on_a_terminal(runs)
    ids = [config.run_id for config, _ in runs]
    display.refresh({ids[0]: "cuda:0", ids[1]: "cuda:1"})
    text = shown(display)
    assert "2 running · 3 waiting" in text and "seed 2" not in text
    assert "agro seed 0" in text and "cuda:0" in text and "cuda:1" in text
    written.begin(runs[0][1])
    written.step(runs[0][1], 50)
    display.refresh({ids[0]: "cuda:0", ids[1]: "cuda:1"})
    assert "cuda:0 · step 1" in shown(display)
    written.end(runs[0][1])
    display.refresh({ids[0]: "cuda:0", ids[1]: "cuda:1"})  # the look at which this run has ended
    display.refresh({ids[1]: "cuda:1", ids[2]: "cuda:0"})
    text = shown(display)
    assert "1/5" in text and "2 running · 2 waiting" in text
    assert "seed 0" not in text and "seed 2" in text


@pytest.mark.parametrize("problems", [1, 2])
def test_an_accuracy_on_a_single_problem_is_not_shown(written: Written, tmp_path: Path, problems: int) -> None:
    """Neither in the bars of a terminal nor in the lines of a log."""
    runs = runs_in(tmp_path, 1)
    bars, log = on_a_terminal(runs), io.StringIO()
    lines = Display(Terminal(file=log, width=200), runs, None)
    running = {runs[0][0].run_id: "cpu:0"}
    for display in (bars, lines):
        display.refresh(running)
    written.begin(runs[0][1])
    written.test(runs[0][1], problems)
    for display in (bars, lines):
        display.refresh(running)
        assert ("test 1.000" in shown(bars)) == (problems > 1)
    assert ("test 1.000" in log.getvalue()) == (problems > 1)


def test_time_left_is_of_the_whole_sweep_by_the_pace_so_far(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs of one hour, and one of four hours. The budgets are 100 completions."""
    clock, runs = Clock(monkeypatch), runs_in(tmp_path, 3)
    ids = [config.run_id for config, _ in runs]
    display = on_a_terminal(runs, [1.0, 1.0, 4.0])
    for _, path in runs:
        written.begin(path)
    display.refresh({ids[0]: "cpu:0"})
    assert display.seconds_left() is None
    clock.now += 60
    written.step(runs[0][1], 50)
    display.refresh({ids[0]: "cpu:0"})
    assert display.seconds_left() == pytest.approx(60 * 5.5 / 0.5)
    assert "11 min left" in shown(display)
    clock.now += 60
    written.end(runs[0][1])
    display.refresh({ids[0]: "cpu:0"})
    assert display.seconds_left() == pytest.approx(120 * 5 / 1)
    display.refresh({ids[1]: "cpu:0", ids[2]: "cpu:1"})
    clock.now += 60
    written.end(runs[1][1])
    written.step(runs[2][1], 1)
    display.refresh({ids[1]: "cpu:0", ids[2]: "cpu:1"})
    slowest = 60 * 0.99 / 0.01  # at its own pace, the last run would take longer than all together
    assert display.seconds_left() == pytest.approx(slowest)


def test_what_was_done_before_counts_for_nothing_in_the_pace(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, runs = Clock(monkeypatch), runs_in(tmp_path, 2)
    ids = [config.run_id for config, _ in runs]
    written.begin(runs[0][1])
    written.end(runs[0][1])
    written.begin(runs[1][1])
    display = on_a_terminal(runs)
    display.refresh({ids[1]: "cpu:0"})
    clock.now += 60
    written.step(runs[1][1], 25)
    display.refresh({ids[1]: "cpu:0"})
    assert display.seconds_left() == pytest.approx(180)


@pytest.mark.parametrize("waiting", [10, 1000])
def test_a_look_reads_the_journals_of_runs_that_run_and_no_others(
    waiting: int, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config()
    runs = [(config.model_copy(update={"seed": seed}), tmp_path / f"{seed}") for seed in range(waiting)]
    running = {config.run_id: f"cuda:{i}" for i, (config, _) in enumerate(runs[:2])}
    display = on_a_terminal(runs)
    display.refresh(running)
    looked: list[Follower] = []
    news = Follower.news
    monkeypatch.setattr(Follower, "news", lambda follower: looked.append(follower) or news(follower))
    for _ in range(5):
        display.refresh(running)
    assert len(looked) == 10


def test_a_look_costs_the_same_however_many_wait(tmp_path: Path) -> None:
    """The CPU seconds of a hundred looks. The driver takes four looks per second."""
    config = small_config()
    seconds = {}
    for waiting in (20, 2000):
        runs = [(config.model_copy(update={"seed": seed}), tmp_path / f"{seed}") for seed in range(waiting)]
        running = {config.run_id: f"cuda:{i}" for i, (config, _) in enumerate(runs[:4])}
        display = on_a_terminal(runs)
        display.refresh(running)
        best = min(_hundred_looks(display, running) for _ in range(3))
        seconds[waiting] = best
    assert seconds[2000] < 3 * seconds[20] + 0.02
    assert seconds[2000] < 100 * 0.25 * 0.05, "more than 5 % of a core at four looks a second"


def _hundred_looks(display: Display, running: dict[str, str]) -> float:
    began = time.process_time()
    for _ in range(100):
        display.refresh(running)
    return time.process_time() - began


def said_off_a_terminal(written: Written, out: Path, level: Level) -> list[str]:
    """Two runs. The second takes a step and ends."""
    runs = runs_in(out, 2)
    file = io.StringIO()
    with Display(Terminal(file=file, level=level), runs) as display:
        running = {runs[1][0].run_id: "cpu:0"}
        display.refresh(running)
        written.begin(runs[1][1])
        written.step(runs[1][1], 50)
        written.end(runs[1][1])
        display.refresh(running)
    return file.getvalue().splitlines()


def test_off_a_terminal_a_line_has_the_time_and_which_run_it_is(written: Written, tmp_path: Path) -> None:
    (line,) = said_off_a_terminal(written, tmp_path, "usual")
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 2/2 agro seed 1: .*finished", line)


def test_how_much_is_said(written: Written, tmp_path: Path) -> None:
    assert said_off_a_terminal(written, tmp_path / "quiet", "quiet") == []
    runs, stepped, ended = said_off_a_terminal(written, tmp_path / "verbose", "verbose")
    assert runs.endswith("2/2 agro seed 1: runs on cpu:0")
    assert "50 completions · step 1" in stepped and "finished" in ended
