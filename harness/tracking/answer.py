"""The results of a leaderboard for the run of its invocation: a metric and a table row for each arm."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

LEADERBOARD = "leaderboard.json"
"""The file of an invocation that has the whole leaderboard."""
PREFIX = "accuracy/"
TOLD = 4
"""The number of results in the name of a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The test accuracy of an arm in one regime: the mean over seeds, as a share."""

    arm: str
    regime: str
    budget: str
    accuracy: float
    low: float | None
    high: float | None
    """The end of the 95 % interval. None with one seed."""
    seeds: int

    @property
    def metric(self) -> str:
        """The name of the metric: ``accuracy/agro``, or ``accuracy/agro stale.16`` in another regime than on-policy.

        MLflow allows few characters, so others become dots.
        """
        name = self.arm if self.regime == "on_policy" else f"{self.arm} {self.regime}"
        return f"{PREFIX}{re.sub(r'[^0-9A-Za-z_. -]+', '.', name).strip('. ')}"


def answers_of(leaderboard: str) -> list[Answer]:
    """The results of all arms with a finished run, in the order of the tables. ``leaderboard`` is its JSON."""
    return [
        Answer(
            arm=row["objective"],
            regime=board["regime"],
            budget=f"{board['budget']['total']:,g} {board['budget']['unit'].replace('_', ' ')}",
            accuracy=row["accuracy"]["mean"],
            low=row["accuracy"]["low"],
            high=row["accuracy"]["high"],
            seeds=len(row["seeds"]),
        )
        for board in json.loads(leaderboard)["boards"]
        for row in (*board["rows"], *board["controls"])
        if row["accuracy"]
    ]


def name_of(invocation: str, answers: Sequence[Answer]) -> str:
    """The name of the invocation's run, with the first results: MLflow's list of runs shows names, but no metrics."""
    told = [f"{one.metric.removeprefix(PREFIX)} {one.accuracy:.1%}" for one in answers[:TOLD]]
    more = [f"{len(answers) - TOLD} more"] if len(answers) > TOLD else []
    return f"{invocation}: {', '.join([*told, *more])}" if told else invocation


def table(answers: Sequence[Answer]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| arm | regime | budget | test accuracy | 95 % interval | seeds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in answers:
        interval = "" if one.low is None or one.high is None else f"{one.low:.1%} to {one.high:.1%}"
        cells = (one.arm, one.regime, one.budget, f"{one.accuracy:.1%}", interval, str(one.seeds))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
