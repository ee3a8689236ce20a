"""Sweeps that are trained in parts: which of their runs exist, wherever they were trained."""

from collections.abc import Sequence
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.launch.scheduling import Forecaster, Part
from harness.records.events import End
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import OutDir
from harness.terminal import Terminal

WRITING = ".writing"
"""The lock in a suite's folder while a part writes tables, because several parts may end at the same time."""


def there(runs: Sequence[RunConfig], out: Path, console: Terminal) -> list[tuple[RunConfig, Path]]:
    """The runs that have started under ``out``, with their directories. Prints how many have ended."""
    out_dir = OutDir(out)
    found = [(config, path) for config in runs if ((path := out_dir.run_of(config)) / JOURNAL).is_file()]
    ended = sum(has_ended(path) for _, path in found)
    console.say(f"{ended} of {len(runs)} runs of this sweep have ended in {out}")
    return found


def all_ended(runs: Sequence[RunConfig], out: Path, console: Terminal) -> bool:
    """Whether all runs have ended. If not, prints how to get tables, which need all of them."""
    out_dir = OutDir(out)
    if all(has_ended(out_dir.run_of(config)) for config in runs):
        return True
    console.say(
        "the last part to end writes the tables, if all parts have the same --out; otherwise bring all runs into one "
        "--out and repeat the command without --part"
    )
    return False


def kept_by(part: Part | None, runs: Sequence[RunConfig], forecaster: Forecaster, out: Path) -> list[str]:
    """The ids of the runs that will exist when this part has ended (or all, if ``part`` is None)."""
    out_dir = OutDir(out)
    mine = {run.run_id for run in (part.of(runs, forecaster) if part else runs)}
    return [run.run_id for run in runs if run.run_id in mine or (out_dir.run_of(run) / JOURNAL).is_file()]


def has_ended(directory: Path) -> bool:
    events = Journal(directory).read()
    return bool(events) and isinstance(events[-1], End)
