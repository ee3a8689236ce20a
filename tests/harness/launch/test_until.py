"""``--until decided``: which runs each look asks for, even if the command is interrupted and typed again.

No run is trained here. Each run gets the journal that its arm and seed would have. In
``tests/harness/cli/test_until.py``, some runs are trained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.launch.execution import Execution, Runs
from harness.launch.plan import Plan, plan
from harness.launch.until import invoke_until, plan_until
from harness.records.events import encode
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.report.numbers.board import build
from harness.terminal import Terminal
from tests.support.looks import SKILL, played, without_end, write
from tests.support.results import records_of
from tests.support.small import SMALL, SUITE, Line

LOOKS = [3, 5, 8]
CHANGES = [*SMALL.items(), ("looks", LOOKS)]
AGRO = SKILL | {"agro": 0.9}
"""With this skill, the arm is decided at an early look. 8 seeds of 30 problems do not decide about an arm that is as
good as the baseline.
"""


class Machine:
    """Takes the place of ``carry_out``, and notes what it was asked to run each time."""

    def __init__(self, records: list[Line], skill: Mapping[str, float], console: Terminal) -> None:
        self.records, self.skill, self.console = records, skill, console
        self.asked: list[list[tuple[str, str, int]]] = []
        self.boards = 0
        self.kill: tuple[int, int] | None = None
        """The request and the run in which Ctrl-C comes. The run -1 means before the first one has begun."""

    def carry_out(self, planned: Plan, how: Execution, report: Callable[[Runs], list[str]], console: Terminal) -> bool:
        self.asked.append([(run.objective.name, run.regime, run.seed) for run in planned.runs])
        out_dir, request = OutDir(how.out), len(self.asked) - 1
        if self.kill == (request, -1):
            self.kill = None
            return False
        for number, run in enumerate(planned.runs):
            lines = played(self.records, run, asdict(planned.invocation), self.skill)
            before = Journal(out_dir.run_of(run)).read()
            if self.kill == (request, number):
                write(without_end(lines), out_dir.run_of(run))
                self.kill = None
                return False
            if how.fresh or not before:
                write(lines, out_dir.run_of(run))
            elif encode(before[-1])["event"] != "end":  # resumed, whichever command began it
                write([encode(before[0]), *lines[1:]], out_dir.run_of(run))
        report([(run, out_dir.run_of(run)) for run in planned.runs])
        return True

    def write_board(self, suite: Any, runs: Runs, out: Path, console: Terminal) -> list[str]:
        self.boards += 1
        return []


@pytest.fixture
def machine(small_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(records_of(small_runs, "grpo"), AGRO, Terminal(quiet=True))
    monkeypatch.setattr("harness.launch.until.carry_out", made.carry_out)
    monkeypatch.setattr("harness.launch.until.write_board", made.write_board)
    return made


def typed(machine: Machine, out: Path, *algos: str, fresh: bool = False, **more: Any) -> bool:
    """Plans and carries out the command."""
    planned = plan_until(SUITE, more.pop("changes", CHANGES), algos, more.pop("most", None), more.pop("regimes", ()))
    how = Execution(out=out, tracking_uri=None, workers=1, fresh=fresh)
    return invoke_until(planned, how, machine.console)


def seeds(asked: Sequence[tuple[str, str, int]], arm: str, regime: str = "on_policy") -> list[int]:
    return [seed for name, where, seed in asked if (name, where) == (arm, regime)]


def verdicts(out: Path) -> dict[str, tuple[str | None, int | None]]:
    """The verdicts of a leaderboard of all runs under ``out``, by regime."""
    planned = plan_until(SUITE, CHANGES, ("grpo", "agro"), None)
    board = build(planned.suite, read_results(OutDir(out).journals(SUITE)))
    return {
        f"{row.objective} {part.regime}": (row.looks.verdict, row.looks.at) for part, row in board.arms if row.looks
    }


def test_each_look_asks_for_its_runs_alone_and_for_those_of_open_arms(machine: Machine, tmp_path: Path) -> None:
    machine.skill = AGRO | {"dpo": 0.5}
    assert typed(machine, tmp_path, "agro", "grpo", "dpo")
    assert [sorted(set(seeds(asked, "grpo"))) for asked in machine.asked] == [[0, 1, 2], [3, 4], [5, 6, 7]]
    assert [sorted(set(seeds(asked, "dpo"))) for asked in machine.asked] == [[0, 1, 2], [3, 4], [5, 6, 7]]
    at = verdicts(tmp_path)["agro on_policy"][1]
    assert at in (1, 2)
    assert [len(seeds(asked, "agro")) for asked in machine.asked] == [3, 2, 0][:at] + [0] * (3 - at)
    assert machine.boards == 1


def test_it_ends_as_soon_as_all_are_decided(machine: Machine, tmp_path: Path) -> None:
    assert typed(machine, tmp_path, "grpo", "agro")
    assert len(machine.asked) < 3
    assert verdicts(tmp_path)["agro on_policy"][0] == "better"


def test_the_same_command_again_trains_nothing(machine: Machine, tmp_path: Path) -> None:
    assert typed(machine, tmp_path, "grpo", "agro")
    before = {path: path.read_bytes() for path in tmp_path.rglob("journal.jsonl")}
    assert typed(machine, tmp_path, "grpo", "agro")
    assert {path: path.read_bytes() for path in tmp_path.rglob("journal.jsonl")} == before
    assert machine.boards == 2
    assert len(machine.asked[-1]) == len(before)


@pytest.mark.parametrize("kill", [(0, 0), (0, 5), (0, 8), (1, -1), (1, 0), (1, 4), (2, -1), (2, 3)])
def test_wherever_it_is_killed_it_goes_on_to_the_same_end(
    machine: Machine, tmp_path: Path, kill: tuple[int, int]
) -> None:
    """It is killed within a look, and between two looks."""
    machine.skill = AGRO | {"dpo": 0.5}
    assert typed(machine, tmp_path / "whole", "grpo", "agro", "dpo")
    machine.asked, machine.kill = [], kill
    assert not typed(machine, tmp_path / "torn", "grpo", "agro", "dpo")
    assert typed(machine, tmp_path / "torn", "grpo", "agro", "dpo")
    assert verdicts(tmp_path / "torn") == verdicts(tmp_path / "whole")
    made, whole = (sorted(p.parent.name for p in (tmp_path / n).rglob("journal.jsonl")) for n in ("torn", "whole"))
    assert made == whole


def test_regimes_go_on_by_themselves(machine: Machine, tmp_path: Path) -> None:
    """Each regime has its own baseline, which goes on as long as one of its arms does."""
    machine.skill = AGRO | {"dpo": 0.5}
    regimes = ["on_policy", "stale:2"]
    assert typed(machine, tmp_path, "grpo", "agro", regimes=regimes)
    found = verdicts(tmp_path)
    for regime in regimes:
        at = found[f"agro {regime}"][1]
        assert at
        for arm in ("grpo", "agro"):
            ran = sorted(seed for asked in machine.asked for seed in seeds(asked, arm, regime))
            assert ran == list(range(LOOKS[at - 1]))


def test_another_number_of_looks_afterwards_is_refused_and_leaves_all_as_it_is(
    machine: Machine, tmp_path: Path
) -> None:
    machine.skill = SKILL
    assert typed(machine, tmp_path, "grpo", "agro")
    before = verdicts(tmp_path)
    asked = len(machine.asked)
    for more in ({"most": 30}, {"most": 5}, {"changes": [*SMALL.items(), ("looks", [4, 8])]}):
        with pytest.raises(HarnessError, match="planned with looks after 3,5,8 seeds") as refusal:
            typed(machine, tmp_path, "grpo", "agro", **more)
        assert "harness replicate" in str(refusal.value)
        assert "--until decided" in str(refusal.value)
    assert len(machine.asked) == asked
    assert verdicts(tmp_path) == before


def test_another_margin_afterwards_is_refused_and_leaves_all_as_it_is(machine: Machine, tmp_path: Path) -> None:
    """Otherwise the first margin would be used without a word."""
    machine.skill = SKILL
    assert typed(machine, tmp_path, "grpo", "agro")
    before, asked = verdicts(tmp_path), len(machine.asked)
    with pytest.raises(HarnessError, match="margin of 2 points for equivalence, but this command has 20"):
        typed(machine, tmp_path, "grpo", "agro", changes=[*CHANGES, ("margin", 0.2)])
    assert len(machine.asked) == asked
    assert verdicts(tmp_path) == before


def by_hand(machine: Machine, out: Path, count: int, *algos: str) -> None:
    """``harness run --seeds`` with a fixed number."""
    planned = plan(SUITE, list(SMALL.items()), algos, range(count))
    how = Execution(out=out, tracking_uri=None, workers=1, fresh=False)
    assert machine.carry_out(planned, how, lambda runs: [], machine.console)
    machine.asked.clear()


def test_runs_that_were_there_are_used_and_told(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.skill, machine.console = SKILL, Terminal(width=1000)
    by_hand(machine, tmp_path, 3, "grpo", "agro")
    assert typed(machine, tmp_path, "grpo", "agro")
    assert [sorted(set(seeds(asked, "agro"))) for asked in machine.asked] == [[3, 4], [5, 6, 7]]
    assert "6 of these runs were started by another command" in capsys.readouterr().out


def test_looks_at_what_is_all_there_are_no_plan(machine: Machine, tmp_path: Path) -> None:
    by_hand(machine, tmp_path, 8, "grpo", "agro")
    with pytest.raises(HarnessError, match="planned after the results"):
        typed(machine, tmp_path, "grpo", "agro")


def test_more_seeds_by_hand_afterwards_change_no_verdict(machine: Machine, tmp_path: Path) -> None:
    assert typed(machine, tmp_path, "grpo", "agro")
    before = verdicts(tmp_path)
    by_hand(machine, tmp_path, 8, "grpo", "agro")
    assert verdicts(tmp_path) == before
    assert typed(machine, tmp_path, "grpo", "agro")
    assert verdicts(tmp_path) == before


def test_fresh_runs_all_of_it_again_and_no_more(machine: Machine, tmp_path: Path) -> None:
    machine.skill = SKILL
    assert typed(machine, tmp_path, "grpo", "agro")
    first, machine.asked = machine.asked, []
    assert typed(machine, tmp_path, "grpo", "agro", fresh=True)
    assert machine.asked == first


def test_runs_of_another_grader_are_refused(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed(machine, tmp_path, "grpo", "agro")
    monkeypatch.setattr("harness.launch.graders.here", lambda: "99")
    with pytest.raises(HarnessError, match="a look needs one grader"):
        typed(machine, tmp_path, "grpo", "agro")


def test_the_plan_is_recorded_and_spelt_out() -> None:
    planned = plan_until(SUITE, list(SMALL.items()), ("grpo", "agro"), 10, ["offline", "on_policy"])
    looks = planned.invocation.looks
    assert looks and (looks.seeds, looks.baseline, looks.margin, looks.level) == ((3, 5, 8, 10), "grpo", 0.02, 0.05)
    assert len(planned.runs) == 2 * 2 * 10
    assert "--until decided" in planned.invocation.command
    assert "--set 'looks=[3, 5, 8, 10]'" in planned.invocation.command
    assert planned.invocation.name == "grpo,agro until decided, at most 10 seeds x offline, on_policy"
    again = plan_until(
        SUITE, [*SMALL.items(), ("looks", [3, 5, 8, 10])], ("grpo", "agro"), None, ["offline", "on_policy"]
    )
    assert again.invocation == planned.invocation
    fixed = plan(SUITE, list(SMALL.items()), ("grpo", "agro"), range(10), ["offline", "on_policy"])
    assert fixed.invocation.id != planned.invocation.id
    assert [run.run_id for run in fixed.runs] == [run.run_id for run in planned.runs]
