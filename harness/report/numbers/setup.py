"""The settings behind the rows of a table, side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.run_config import flat
from harness.config.settings import PLACE, ComputeSettings
from harness.records.results import RunResult

ALWAYS = ("optimizer.learning_rate",)
"""Settings that are shown for each arm, even if all arms have the same value."""
FIRST = ("model.path", "task.name", "task.data", "task.format", "task.grading", "grader")
"""The shared settings that come first."""
PLACES = tuple(f"compute.{name}" for name, info in ComputeSettings.model_fields.items() if PLACE in info.metadata)
NOT_TOLD = ("suite", "seed", "objective.name", "regime", *PLACES)
"""Settings that the page shows elsewhere, and settings of the place where a run was computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A setting of one row."""

    text: str | None
    """The value as JSON; None if the objective of the row has no such setting."""
    differs: bool
    """Whether it differs from the reference row. False if one of the two has no such setting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A setting with its dotted key and a value for each row."""

    key: str
    values: tuple[Value, ...]

    @property
    def differs(self) -> bool:
        return any(value.differs for value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """The settings of some rows, without those that all runs of the page share."""

    names: tuple[str, ...]
    against: str | None
    """The reference row that the others are compared with."""
    settings: tuple[Setting, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Setups:
    """One table for each part of a page, and the settings that all runs share."""

    parts: tuple[Setup, ...]
    shared: Mapping[str, str]
    """JSON values by dotted key, with the most important first."""


Rows = Mapping[str, RunResult]
"""One run of each row. The runs of a row differ only in the seed."""


def setups(parts: Sequence[tuple[Rows, str | None]]) -> Setups:
    """The settings of a page. ``parts``: for each part, its rows and the name of the reference row, if there is one."""
    told = [({name: _told(run) for name, run in rows.items()}, against) for rows, against in parts]
    every = [settings for rows, _ in told for settings in rows.values()]
    keys = list(dict.fromkeys(key for settings in every for key in settings))
    shared = {key: every[0][key] for key in keys if _is_shared(key, every)}
    first = [key for key in FIRST if key in shared]
    own = sorted((key for key in keys if key not in shared), key=_order)
    return Setups(
        parts=tuple(_setup(rows, against, own) for rows, against in told),
        shared={key: shared[key] for key in (*first, *(key for key in shared if key not in FIRST))},
    )


def _is_shared(key: str, every: Sequence[Mapping[str, str]]) -> bool:
    own = key in ALWAYS or key.startswith("objective.")
    return not own and all(key in settings and settings[key] == every[0][key] for settings in every)


def _order(key: str) -> tuple[int, str]:
    """The sort key of a setting: the objective, the learning rate, the objective's fields, then the rest."""
    groups = ("objective.objective", *ALWAYS, "objective.", "optimizer.")
    return next((place for place, group in enumerate(groups) if key.startswith(group)), len(groups)), key


def _setup(rows: Mapping[str, Mapping[str, str]], against: str | None, keys: Sequence[str]) -> Setup:
    base = rows.get(against or "", {})
    settings = tuple(
        Setting(
            key=key,
            values=tuple(
                Value(text=row.get(key), differs=key in row and key in base and row[key] != base[key])
                for row in rows.values()
            ),
        )
        for key in keys
        if any(key in row for row in rows.values())
    )
    return Setup(names=tuple(rows), against=against if base else None, settings=settings)


def _told(run: RunResult) -> dict[str, str]:
    """All settings of a run, its grader, and the hashes of its initial weights, problems and prompts."""
    found: dict[str, Any] = flat(run.config.model_dump(mode="json"))
    found = {key: value for key, value in found.items() if key not in NOT_TOLD}
    own = ("objective.", "limit")  # of which None says that there is no such setting
    found = {key: value for key, value in found.items() if not (key.startswith(own) and value is None)}
    found |= {"grader": run.grader, "start.weights": run.identity.weights}
    found |= {f"start.problems.{split}": content for split, content in run.identity.problems.items()}
    found |= {f"start.prompts.{split}": content for split, content in run.identity.prompts.items()}
    return {key: _text(value) for key, value in found.items()}


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
