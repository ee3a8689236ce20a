"""The pages of benchmarks are written by their command alone."""

import re
import sys
from pathlib import Path

import pytest

from benchmarks.against_trl.table import memories, times
from benchmarks.against_trl.works import DPO_SMOLLM2, GRPO_TINY
from benchmarks.page import Page, spread
from tests.support.paths import ROOT

PUBLISHED = sorted((ROOT / "results" / "speed").glob("*.md"))


def test_a_page_has_its_command_its_date_its_machine_and_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks/some.py", "--model", "/somewhere/model.gguf", "--rounds", "3"])
    page = Page("Some benchmark", "What is measured.", script="benchmarks/some.py")
    page.section("a part")
    page.table(("work", "seconds"), [["sums", spread([0.25, 0.1, 0.2])], ["one", spread([3.0])]])
    page.end(tmp_path / "new" / "page.md")
    text = (tmp_path / "new" / "page.md").read_text(encoding="utf-8")
    assert text.startswith("# Some benchmark\n\n    python benchmarks/some.py --model model.gguf --rounds 3\n\nWhat is")
    assert re.search(
        r"Measured on \d{4}-\d\d-\d\d, on \d+ cores? with .+ at a load of \d+\.\d", text.replace("\n", " ")
    )
    assert text.endswith(
        "## a part\n\n| work | seconds |\n| --- | ---: |\n| sums | 0.20 (0.10–0.25) |\n| one | 3.00 |\n"
    )
    assert str(tmp_path) not in text


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_a_published_page_names_the_script_that_writes_it(path: Path) -> None:
    (command,) = re.findall(r"^    (python .+)$", path.read_text(encoding="utf-8"), re.M)[:1]
    script = re.match(r"python (?:-m )?(benchmarks[./]\w+(?:\.py)?)", command)
    assert script, command
    place = ROOT / (script[1] if script[1].endswith(".py") else script[1].replace(".", "/") + "/__main__.py")
    assert "takes_out(parser)" in place.read_text(encoding="utf-8")


def test_the_comparison_with_trl_by_hand() -> None:
    """Two warm-up steps do not count. TRL takes twice as long for twice as many tokens, and half of the memory."""
    ours = {"seconds": [9, 9, 1.0, 1.0], "tokens": [1, 1, 100, 100], "peak": 2 << 30, "rate": [9, 9, 0.25, 0.5]}
    theirs = {"seconds": [9, 9, 2.0, 2.0], "tokens": [1, 1, 200, 200], "peak": 1 << 30}
    _, (row,) = times([(GRPO_TINY, {"harness": [ours], "trl": [theirs]})])
    assert row[1:] == ["1.000 (1.000–1.000)", "2.000 (2.000–2.000)", "100 / 200", "1.00", "≤ 0.4: missed", "38 (25–50)"]
    _, (held,) = memories([(DPO_SMOLLM2, {"harness": [ours], "trl": [theirs]})])
    assert held[1:] == ["2.00", "1.00", "2.00", "≤ 0.8: missed"]
