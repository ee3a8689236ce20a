"""The site: what its pages say about the code is true."""

import re
import sys
from dataclasses import fields
from pathlib import PurePosixPath

import pytest

from harness.records.events import Summary
from harness.records.ledger import Ledger
from harness.tracking.view import BUDGET
from tests.support.paths import ROOT

sys.path.insert(0, str(ROOT / "docs" / "generate"))
mkdocs = pytest.importorskip("mkdocs.exceptions", reason="needs the extra docs")


def test_every_metric_of_a_step_is_described() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    described = set(re.findall(r"`((?:train|engine|compute|accuracy|system)/\w*[a-z0-9])`", page))
    code = "".join(
        path.read_text() for room in ("training", "tracking") for path in (ROOT / "harness" / room).glob("*.py")
    )
    written = set(re.findall(r'"((?:train|engine|compute|accuracy)/\w+)"', code))
    counted = {f"{BUDGET}{field.name}" for field in fields(Ledger)} | {f"{BUDGET}seconds"}
    assert described == written | counted
    evaluated = {field.name for field in fields(Summary)} - {"verdicts", "accuracy"} | {"acc", "kl", "kl_k3"}
    assert set(re.findall(r"`\.\.\._(\w+)`", page)) == evaluated


def test_a_link_into_the_repository_leads_to_a_copy_on_the_site() -> None:
    from repository_links import Repository

    repository = Repository(ROOT)
    found = repository.reached_from([PurePosixPath("docs/findings.md"), PurePosixPath("docs/how-to/own-objective.md")])
    assert "# tests/algorithms/test_agro.py" in str(found["tests/algorithms/test_agro.py.md"])
    assert isinstance(found["results/tiny-arithmetic/regimes.png"], bytes)
    said = "[a](../../algorithms/types.py) [b](seeds.md) [c](https://example.org) [d](../findings.md#point-by-point)"
    assert repository.rewritten(said, "how-to/own-objective.md") == said.replace("types.py", "types.py.md").replace(
        "../../", "../"
    )


def test_code_is_shown_as_it_is() -> None:
    from repository_links import Repository

    repository = Repository(ROOT)
    repository.reached_from([PurePosixPath("docs/findings.md")])
    code = "make[name](beta=1)"
    assert repository.rewritten(code, "tests/algorithms/test_agro.py.md") == code
    with pytest.raises(mkdocs.PluginError):
        repository.rewritten(code, "index.md")


def test_a_link_to_nothing_is_an_error() -> None:
    from repository_links import Repository

    repository = Repository(ROOT)
    repository.reached_from([PurePosixPath("docs/findings.md")])
    with pytest.raises(mkdocs.PluginError, match=r"nothing\.md"):
        repository.rewritten("[a](../results/nothing.md)", "findings.md")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://a.org/b.js">',
        "<img alt='' src=//a.org/b.png>",
        '<link rel="stylesheet" href="http://a.org">',
    ],
)
def test_a_page_that_asks_another_host_is_refused(html: str) -> None:
    from hooks import FETCHED

    assert FETCHED.search(html)
    assert not FETCHED.search('<a href="https://a.org">out</a><script src="../assets/b.js"></script>')


def test_the_schema_describes_the_settings() -> None:
    from suite_schema import suite_page

    page = suite_page()
    assert "| `prompts` | integer | `32` |" in page
    assert "| `looks` | list of integer | `[3, 5, 8, 12, 20]` | The numbers of seeds after which `--until" in page
    assert "## `objectives.NAME.robust`" in page


def test_the_commands_have_their_options() -> None:
    from command_line import commands_page

    page = commands_page()
    assert "## harness run" in page
    assert "| `--algos` | " in page
