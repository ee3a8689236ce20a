"""A sweep that is carried out in parts: which of its runs are there, wherever they were run."""

from collections.abc import Sequence
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.launch.scheduling import Forecaster, Part
from harness.records.events import End
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import OutDir
from harness.terminal import Terminal

WRITING = ".writing"
"""Locked in a suite's folder while a part writes tables: several may end at the same time."""


def there(runs: Sequence[RunConfig], out: Path, console: Terminal) -> list[tuple[RunConfig, Path]]:
    """Those that have begun under ``out``, with their directories; says how many have ended."""
    out_dir = OutDir(out)
    found = [(config, path) for config in runs if ((path := out_dir.run_of(config)) / JOURNAL).is_file()]
    ended = sum(has_ended(path) for _, path in found)
    console.say(f"{ended} of {len(runs)} runs of this sweep have ended in {out}")
    return found


def all_ended(runs: Sequence[RunConfig], out: Path, console: Terminal) -> bool:
    """Whether all have; says what to do where they have not, for tables that need all of them."""
    out_dir = OutDir(out)
    if all(has_ended(out_dir.run_of(config)) for config in runs):
        return True
    console.say(
        "tables are written by the part that ends last under one --out, or by the same command without --part, once "
        "all runs are there"
    )
    return False


def kept_by(part: Part | None, runs: Sequence[RunConfig], forecaster: Forecaster, out: Path) -> list[str]:
    """The ids of the runs that will be there when a part, or all, has ended."""
    out_dir = OutDir(out)
    mine = {run.run_id for run in (part.of(runs, forecaster) if part else runs)}
    return [run.run_id for run in runs if run.run_id in mine or (out_dir.run_of(run) / JOURNAL).is_file()]


def has_ended(directory: Path) -> bool:
    events = Journal(directory).read()
    return bool(events) and isinstance(events[-1], End)
