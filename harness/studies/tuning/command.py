"""``harness tune``: trials, as an invocation of their own, and their report."""

from collections.abc import Sequence
from typing import Any

from harness.config.arguments import command_line
from harness.errors import HarnessError
from harness.launch.carry_out import carry_out
from harness.launch.execution import Execution, Runs
from harness.launch.graders import judged_otherwise, told
from harness.launch.plan import Plan, invocation_of, suites_of
from harness.records.out_dir import OutDir
from harness.studies.tuning.tables import CHOSEN, TABLE, Scored, Tuning, as_json, in_terminal, write
from harness.studies.tuning.trials import as_trial, refuse_unknown, score, trials_of
from harness.terminal import Terminal


def tune(
    suite: str,
    changes: Sequence[tuple[str, Any]],
    arms: Sequence[str],
    regimes: Sequence[str],
    trials: int,
    how: Execution,
    console: Terminal,
) -> bool:
    """Run ``trials`` for each arm in each regime, and report the best settings. False if interrupted.

    Raises:
        HarnessError: the suite, a change or an arm is wrong, there is nothing to search, or another grader judged some
            of the trials.
    """
    suites, choices = suites_of(suite, changes, arms, regimes)
    refuse_unknown(suites[0], arms)
    tried = [trial for of_regime in suites for arm in arms for trial in trials_of(of_regime, arm, trials)]
    runs = [run for trial in tried for run in trial.runs]
    options = {"--suite": suite, "--algos": ",".join(arms), "--trials": str(trials)}
    command = command_line("tune", options, changes, regimes)
    invocation = invocation_of(runs, f"{','.join(arms)} x {trials} trials", command)
    planned = Plan(suite=as_trial(suites[0]), runs=runs, invocation=invocation, choices=choices)
    out_dir = OutDir(how.out)
    others = judged_otherwise((run, out_dir.run_of(run)) for run in runs)
    if not how.fresh and (sentence := told(others, len(runs))):
        raise HarnessError(sentence)

    def report(_: Runs) -> list[str]:
        scored = [
            Scored(trial=trial, accuracy=score(trial, [out_dir.run_of(run) for run in trial.runs])) for trial in tried
        ]
        tuning = Tuning(suite=planned.suite, command=command, scored=scored)
        write(tuning, out_dir.suite(planned.suite.name))
        console.show(in_terminal(tuning), lambda: as_json(tuning))
        console.say(f"wrote {TABLE} and {CHOSEN} to {out_dir.suite(planned.suite.name)}")
        return [TABLE, CHOSEN]

    return carry_out(planned, how, report, console, needs=runs)
