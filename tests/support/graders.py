"""Records as another grader would have written them."""

import json
from pathlib import Path

from harness.records.journal import JOURNAL
from tests.support.small import Line

OLD = {"grader": "0", "math-verify": "0.1"}
"""A version that never existed."""


def judged_by_old(records: list[Line], **versions: str) -> list[Line]:
    """The lines of a journal with the version of an older grader, or with ``versions``."""
    changed: list[Line] = json.loads(json.dumps(records))
    changed[0]["origin"]["versions"] |= versions or OLD
    return changed


def age_journal(run: Path) -> None:
    """The run, as if an older grader had graded it."""
    path = run / JOURNAL
    lines = judged_by_old([json.loads(line) for line in path.read_text().splitlines()])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def age_evaluation(folder: Path) -> None:
    """The evaluation, as if an older grader had graded it."""
    path = folder / "eval.json"
    record = json.loads(path.read_text())
    record["versions"] |= OLD
    record["time"] -= 1000
    path.write_text(json.dumps(record))
