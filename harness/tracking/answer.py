"""What a leaderboard found, as the run of its invocation shows it: a metric and a line of a table for each arm."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

LEADERBOARD = "leaderboard.json"
"""The table among an invocation's files that holds all of it."""
PREFIX = "accuracy/"
TOLD = 4
"""Answers that the name of a run tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The test accuracy that an arm reached in one regime: a mean over seeds, as a share."""

    arm: str
    regime: str
    budget: str
    accuracy: float
    low: float | None
    high: float | None
    """Of the 95 % interval; None with one seed."""
    seeds: int

    @property
    def metric(self) -> str:
        """``accuracy/agro``, and off-policy ``accuracy/agro stale.16``: MLflow allows few characters."""
        name = self.arm if self.regime == "on_policy" else f"{self.arm} {self.regime}"
        return f"{PREFIX}{re.sub(r'[^0-9A-Za-z_. -]+', '.', name).strip('. ')}"


def answers_of(leaderboard: str) -> list[Answer]:
    """Of the arms with a finished run, in the order of the tables. ``leaderboard``: its JSON."""
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
    """Of the invocation's run, with the first answers. MLflow's list of runs shows names, and no metric unasked."""
    told = [f"{one.metric.removeprefix(PREFIX)} {one.accuracy:.1%}" for one in answers[:TOLD]]
    more = [f"{len(answers) - TOLD} more"] if len(answers) > TOLD else []
    return f"{invocation}: {', '.join([*told, *more])}" if told else invocation


def table(answers: Sequence[Answer]) -> str:
    """In Markdown."""
    lines = [
        "| arm | regime | budget | test accuracy | 95 % interval | seeds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in answers:
        interval = "" if one.low is None or one.high is None else f"{one.low:.1%} to {one.high:.1%}"
        cells = (one.arm, one.regime, one.budget, f"{one.accuracy:.1%}", interval, str(one.seeds))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
