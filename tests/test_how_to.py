"""The pages in docs/: commands that they show are ones that the program takes, and their links lead somewhere."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from harness.cli import app
from tests.support.paths import ROOT

PAGES = [*sorted((ROOT / "docs" / "how-to").glob("*.md")), ROOT / "docs" / "many-devices.md"]
COMMANDS: Any = typer.main.get_command(app)


def commands(page: Path) -> list[list[str]]:
    """What is typed in its blocks, word by word; comments and what a shell adds are left out."""
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.S | re.M)).replace("\\\n", " ")
    found = re.findall(r"\bharness (?:run|plan|export|leaderboard|sync)\b.*", blocks)
    return [shlex.split(line.rstrip("'"), comments=True) for line in found]


SHOWN = [(page.name, words) for page in PAGES for words in commands(page)]


def test_pages_show_commands() -> None:
    assert len(SHOWN) > 10


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=lambda value: value if isinstance(value, str) else value[1])
def test_every_command_of_a_page_is_one(page: str, words: list[str]) -> None:
    """As the program parses it; nothing is carried out."""
    command = COMMANDS.commands[words[1]]
    with command.make_context(words[1], words[2:]):
        pass


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_the_readme_leads_here(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / link).is_file(), link
    assert f"({page.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
