"""Every class of causal language models that can be made small is correct, or is refused in one sentence."""

import re
from pathlib import Path

import pytest
import transformers

from tests.support.families import FAMILIES, PAGE, TOLERANCE, verdict_of

WRITTEN = PAGE.read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^(\| `(.+)` \| .*)$", WRITTEN, re.MULTILINE))
REFUSING = re.findall(r"`(\S+)`", re.findall(r"families refuse it: (.*)\.", WRITTEN)[0])
"""The families that refuse selective checkpointing."""
THESE = f"transformers {transformers.__version__}," in WRITTEN
"""Whether the page is about the installed version of transformers."""


@pytest.mark.filterwarnings("ignore:.*trains with padding")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_right_or_refused_as_its_page_says(family: str, tmp_path: Path) -> None:
    found = verdict_of(family, tmp_path)
    for name, most in TOLERANCE.items():
        assert getattr(found, name) <= most, found
    assert (found.kind == "right") == (not found.said)
    if THESE:
        assert (family in REFUSING) != found.selective
        assert found.row in ROWS, f"{PAGE.name} says otherwise; python -m tests.support.families"


@pytest.mark.skipif(not THESE, reason="the page is of another version of transformers")
def test_the_page_counts_its_rows() -> None:
    assert sorted(ROWS.values()) == FAMILIES
    kinds = [sum(f"| {kind}" in row for row in ROWS) for kind in ("right", "refused", "not tried")]
    told = re.search(r"Of (\d+) families (\d+) are right and (\d+) are refused\.\s+(\d+) could not", WRITTEN)
    assert told and [int(number) for number in told.groups()] == [len(FAMILIES), *kinds]
