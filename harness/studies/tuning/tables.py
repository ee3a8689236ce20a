"""The results of trials and the chosen settings: as a table, as YAML for a suite, and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from rich.console import Group
from rich.text import Text

from harness.config.run_config import SuiteConfig
from harness.report.pages.cells import percent
from harness.report.pages.grid import Grid
from harness.studies.tuning.trials import JUDGED_AT, Trial, in_sections

TABLE, CHOSEN = "tuning.md", "tuned.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A trial and its accuracy, which is None if the trial failed."""

    trial: Trial
    accuracy: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """All trials of an invocation. Trials of one arm and regime are adjacent."""

    suite: SuiteConfig
    command: str
    scored: Sequence[Scored]

    def finished(self) -> list[list[Scored]]:
        """The finished trials of each arm and regime that has any."""
        by_place = groupby(self.scored, lambda one: (one.trial.regime, one.trial.arm))
        return [whole for _, trials in by_place if (whole := [one for one in trials if one.accuracy is not None])]

    def best(self) -> list[Scored]:
        """The best trial of each arm and regime, unless all of its trials failed. Of equal trials, the first."""
        return [_best(trials) for trials in self.finished()]

    def warnings(self) -> list[str]:
        """Sentences on choices that other trials could change: all trials are equal, or the best one is at an edge."""
        return [warning for trials in self.finished() if len(trials) > 1 for warning in _warnings(trials)]

    def chosen(self) -> dict[str, Any]:
        """The best settings, in the structure of a suite's YAML."""
        arms: dict[str, Any] = {}
        for one in self.best():
            arms.setdefault(one.trial.arm, {"regimes": {}})["regimes"][one.trial.regime] = in_sections(
                one.trial.settings
            )
        return {"objectives": arms}


def _best(trials: Sequence[Scored]) -> Scored:
    return max(trials, key=lambda one: one.accuracy or 0.0)


def _warnings(trials: Sequence[Scored]) -> list[str]:
    """Warnings about the choice among these trials of one arm in one regime."""
    best = _best(trials).trial
    place = f"{best.arm}, {best.regime}"
    if len({one.accuracy for one in trials}) == 1:
        return [f"{place}: all trials have the same accuracy, so the chosen settings are arbitrary"]
    found = []
    for name, value in best.settings.items():
        tried = [one.trial.settings[name] for one in trials]
        low, high = min(tried), max(tried)
        if low < high and value in (low, high):
            edge, beyond = ("smallest", "smaller") if value == low else ("largest", "larger")
            found.append(
                f"{place}: the best trial has the {edge} {name} of all finished trials ({value:g}); the best value may "
                f"be {beyond}"
            )
    return found


def as_grid(tuning: Tuning) -> Grid:
    """A table with one row per trial. The chosen trials are marked."""
    best = tuning.best()
    rows = [
        [
            one.trial.arm,
            one.trial.regime,
            ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in one.trial.settings.items()),
            "failed" if one.accuracy is None else f"{percent(one.accuracy)}{' *' if one in best else ''}",
        ]
        for one in tuning.scored
    ]
    return Grid(headers=("objective", "regime", "settings", "accuracy %"), rows=rows, whole=("accuracy %",))


def in_terminal(tuning: Tuning) -> Group:
    warnings = [Text(f"warning: {sentence}", style="yellow") for sentence in tuning.warnings()]
    return Group(as_grid(tuning).terminal(), *warnings, Text(as_yaml(tuning)))


def as_yaml(tuning: Tuning) -> str:
    return yaml.safe_dump(tuning.chosen(), sort_keys=False, default_flow_style=None, width=110)


def as_json(tuning: Tuning) -> str:
    """The JSON text: all trials, and the chosen settings in the structure of a suite's YAML."""
    best = tuning.best()
    trials = [
        {
            "objective": one.trial.arm,
            "regime": one.trial.regime,
            "settings": one.trial.settings,
            "accuracy": one.accuracy,
            "chosen": one in best,
            "run_ids": [run.run_id for run in one.trial.runs],
        }
        for one in tuning.scored
    ]
    content = {
        "suite": tuning.suite.name,
        "command": tuning.command,
        "trials": trials,
        "chosen": tuning.chosen(),
        "warnings": tuning.warnings(),
    }
    return json.dumps(content, indent=1)


def write(tuning: Tuning, folder: Path) -> None:
    """Write ``TABLE`` and ``CHOSEN`` into the folder of the trials."""
    suite, shares = tuning.suite, " and ".join(f"{share:.0%}" for share in JUDGED_AT)
    lines = [
        f"# Trials of {suite.name}",
        "",
        f"    {tuning.command}",
        "",
        f"The accuracy is measured on {suite.tuning.validation_problems} validation problems, or on all if there are",
        f"fewer. It is the mean at {shares} of the budget, over seeds {', '.join(map(str, suite.tuning.seeds))}. All",
        f"objectives try the same points of their ranges. * marks the chosen settings, which `{CHOSEN}` holds as YAML.",
        "",
        *as_grid(tuning).markdown(),
        *(f"\n**Warning:** {sentence}" for sentence in tuning.warnings()),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / CHOSEN).write_text(as_yaml(tuning), encoding="utf-8")
