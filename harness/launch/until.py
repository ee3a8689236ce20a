"""``harness run --until decided``: after each look, seeds are added to the comparisons that are still undecided."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluators.statistics.ranking import LEVEL
from harness.config.arguments import command_line
from harness.config.layers import refuse_nothing_to_compare
from harness.config.run_config import RunConfig, digest
from harness.config.suites import load_suite, looks_of
from harness.errors import HarnessError
from harness.launch.carry_out import carry_out, write_board
from harness.launch.execution import Execution, Runs
from harness.launch.graders import here, judged_otherwise
from harness.launch.parted import has_ended
from harness.launch.plan import Plan, plan
from harness.records.events import Invocation, PlannedLooks
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results, start_of
from harness.report.numbers.board import build
from harness.report.numbers.document import Board, RegimeBoard
from harness.terminal import Terminal


def plan_until(
    suite: str,
    changes: Sequence[tuple[str, Any]],
    algos: Sequence[str],
    most: int | None,
    regimes: Sequence[str] = (),
) -> Plan:
    """All runs that the looks may need. :func:`invoke_until` decides which of them are trained.

    Raises:
        HarnessError: as for :func:`harness.launch.plan.plan`, or the baseline is not among the arms or is the only one.
    """
    looks = looks_of(load_suite(suite, changes), most)
    changes = [*(change for change in changes if change[0] != "looks"), ("looks", list(looks))]
    planned = plan(suite, changes, algos, range(looks[-1]), regimes)
    baseline = planned.suite.baseline
    refuse_nothing_to_compare(planned.suite, algos)
    options = {"--suite": suite, "--algos": ",".join(algos), "--until": "decided"}
    invocation = replace(
        planned.invocation,
        id=digest({"runs": [run.run_id for run in planned.runs], "looks": looks}),
        name=f"{','.join(algos)} until decided, at most {looks[-1]} seeds"
        + planned.invocation.name.partition("seeds")[2],
        command=command_line("run", options, changes, regimes),
        looks=PlannedLooks(
            seeds=looks, level=LEVEL, spending="O'Brien-Fleming", baseline=baseline, margin=planned.suite.margin
        ),
    )
    return replace(planned, invocation=invocation)


def invoke_until(planned: Plan, how: Execution, console: Terminal) -> bool:
    """Train look by look until everything is decided, and print the leaderboard. False if interrupted.

    Raises:
        HarnessError: existing runs follow other looks or were judged by another grader, only a part of the runs is
            requested, or as for other commands.
    """
    if how.part:
        raise HarnessError(
            f"--part {how.part} needs a fixed number of seeds, because with --until decided the results of all runs "
            "determine the next ones; leave one of the two out"
        )
    work = _Work(planned, how, console)
    work.begin()
    while work.todo:
        if not work.train():
            return False
    return work.written or work.report_again()


class _Work:
    """The state of an invocation with looks."""

    def __init__(self, planned: Plan, how: Execution, console: Terminal) -> None:
        self._planned, self._how, self._console = planned, how, console
        self._out_dir = OutDir(how.out)
        self._runs = {run.run_id: run for run in planned.runs}
        self._done: set[str] = set()
        """Runs that have ended. With ``--fresh``, only those that ended during this command."""
        self.todo: list[RunConfig] = []
        """Runs that the next look needs and that have not ended."""
        self.written = False
        """Whether the leaderboard has been written."""

    def begin(self) -> None:
        """Read the existing runs.

        Raises:
            HarnessError: they follow other looks, or another grader judged them.
        """
        if self._how.fresh:
            self.todo = self._left(None)
            return
        known = [run for run in self._planned.runs if self._path(run).is_dir()]
        made_by = [start_of(events).origin.invocation for run in known if (events := Journal(self._path(run)).read())]
        refuse_other_looks(made_by, self._planned.invocation)
        if others := judged_otherwise((run, self._path(run)) for run in known):
            raise HarnessError(
                f"{others.total()} of these runs have ended under grader {', '.join(sorted(others))}, but the current "
                f"grader is {here()}, and a look needs one grader; use --fresh to run all again"
            )
        self._done = {run.run_id for run in known if self._ended(run)}
        self.todo = self._left(self._board())
        if made_by and not self.todo and all(invocation.looks is None for invocation in made_by):
            raise HarnessError(
                "all runs for these looks exist already, so the looks would be planned after the results; use harness "
                "leaderboard to compare the runs"
            )
        by_hand = sum(invocation.looks is None for invocation in made_by)
        if by_hand:
            self._console.print(
                f"warning: {by_hand} of these runs were started by another command, without looks; if their results "
                "influenced the choice of the looks, the error rate does not hold",
                highlight=False,
            )

    def _left(self, board: Board | None) -> list[RunConfig]:
        """The runs that the next look after this board needs and that have not ended."""
        return [run for run in self._needed(board) if run.run_id not in self._done]

    def train(self) -> bool:
        """Train the runs in ``todo``. False if interrupted."""
        first = not self._done
        planned = self._planned if first else replace(self._planned, choices=[])
        how = self._how if first else replace(self._how, looked=True)
        return carry_out(replace(planned, runs=self.todo), how, self._report, self._console)

    def report_again(self) -> bool:
        """Write the leaderboard if there was nothing left to train."""
        runs = [self._runs[key] for key in self._runs if key in self._done]
        how = replace(self._how, fresh=False)
        return carry_out(replace(self._planned, runs=runs), how, self._report, self._console)

    def _report(self, runs: Runs) -> list[str]:
        """Print a line on the look, or write the leaderboard after the last look."""
        self._done |= {config.run_id for config, _ in runs if self._ended(config)}
        board = self._board()
        if board is None:
            return []
        self.todo = self._left(board)
        if self.todo:
            for part in board.boards:
                self._console.say(_line(part))
            return []
        self.written = True
        done = [(run, self._path(run)) for run in self._planned.runs if run.run_id in self._done]
        return write_board(self._planned.suite, done, self._how.out, self._console)

    def _board(self) -> Board | None:
        """The board of all runs that have ended; None if there are none."""
        paths = [self._path(run) for run in self._planned.runs if run.run_id in self._done]
        results = read_results(Journal(path).read() for path in paths)
        return build(self._planned.suite, results, planned=self._planned.invocation) if results else None

    def _needed(self, board: Board | None) -> list[RunConfig]:
        """The runs of undecided arms and of the baseline, up to their next look."""
        parts = {part.regime: part for part in board.boards} if board else {}
        regimes = self._planned.invocation.plan.regimes
        wanted = {regime: _next(self._planned.invocation, parts.get(regime)) for regime in regimes}
        return [
            run
            for run in self._planned.runs
            if run.seed < wanted[run.regime][1] and run.objective.name in wanted[run.regime][0]
        ]

    def _path(self, run: RunConfig) -> Path:
        return self._out_dir.run_of(run)

    def _ended(self, run: RunConfig) -> bool:
        return has_ended(self._path(run))


def refuse_other_looks(made_by: Sequence[Invocation], planned: Invocation) -> None:
    """Refuse to continue runs with other looks than planned.

    Raises:
        HarnessError: some of these runs were started with other looks or another margin.
    """
    assert planned.looks
    for other in made_by:
        if other.looks and other.looks.seeds != planned.looks.seeds:
            before, now = (",".join(map(str, looks.seeds)) for looks in (other.looks, planned.looks))
            raise HarnessError(
                f"these runs were planned with looks after {before} seeds, but this command has looks after {now}; the "
                "error rate only holds if looks are planned before the first results. Repeat the first command with "
                f"the same --out ({other.command}), or test its verdicts on new seeds with harness replicate"
            )
        if other.looks and other.looks.margin != planned.looks.margin:
            raise HarnessError(
                f"these runs were planned with a margin of {100 * other.looks.margin:g} points for equivalence, but "
                f"this command has {100 * planned.looks.margin:g}; the margin must be chosen before the first results. "
                f"Repeat the first command ({other.command})"
            )


def _next(planned: Invocation, part: RegimeBoard | None) -> tuple[set[str], int]:
    """The arms of a regime that continue, with the baseline, and the number of seeds for their next look."""
    assert planned.looks
    seeds = planned.looks.seeds
    rows = {row.objective: row.looks for row in part.arms} if part else {}
    going = {}
    for name in planned.plan.algos:
        looks = rows.get(name)
        if name != planned.looks.baseline and not (looks and (looks.verdict or looks.taken == len(seeds))):
            going[name] = looks.taken if looks else 0
    if not going:
        return set(), 0
    return {*going, planned.looks.baseline}, seeds[min(going.values())]


def _line(part: RegimeBoard) -> str:
    """A line on the verdicts of a regime after a look."""
    rows = [row for row in part.arms if row.looks]
    taken = max((row.looks.taken for row in rows if row.looks), default=0)
    stands = ", ".join(f"{row.objective} {row.looks.verdict or 'undecided'}" for row in rows if row.looks)
    return f"look {taken}, {part.regime}: {stands}"
