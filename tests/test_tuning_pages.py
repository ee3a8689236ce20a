"""The published tables of trials mark the best trials, and have the warnings that follow from their rounded numbers."""

from pathlib import Path

import pytest

from harness.config.suites import load_suite
from harness.studies.tuning.tables import Scored, Tuning
from harness.studies.tuning.trials import Trial
from tests.support.paths import ROOT

PAGES = sorted((ROOT / "results").glob("*-tuning/*.md"))
PREFIX = "**Warning:** "


def rows_of(page: Path) -> list[list[str]]:
    lines = [line for line in page.read_text().splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def as_scored(arm: str, regime: str, settings: str, accuracy: str) -> Scored:
    pairs = [pair.split(" ") for pair in settings.split(", ")]
    values = {("optimizer." if key == "learning_rate" else "fields.") + key: float(value) for key, value in pairs}
    trial = Trial(arm=arm, regime=regime, settings=values, runs=[])
    return Scored(trial=trial, accuracy=None if accuracy == "failed" else float(accuracy.rstrip(" *")))


def test_there_are_pages() -> None:
    assert len(PAGES) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_marks_and_warnings_follow_from_the_table(page: Path) -> None:
    rows = rows_of(page)
    scored = [as_scored(*row) for row in rows]
    tuning = Tuning(suite=load_suite("tiny-arithmetic"), command="", scored=scored)
    marked = [one for one, row in zip(scored, rows, strict=True) if row[3].endswith("*")]
    places = [(one.trial.arm, one.trial.regime, one.accuracy) for one in marked]  # rounding makes ties
    assert places == [(one.trial.arm, one.trial.regime, one.accuracy) for one in tuning.best()]
    warnings = [line.removeprefix(PREFIX) for line in page.read_text().splitlines() if line.startswith(PREFIX)]
    assert warnings == tuning.warnings()
