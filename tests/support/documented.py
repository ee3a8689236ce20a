"""The commands and files that the documentation shows, as a reader would copy them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "results" / "README.md", *ROOT.glob("docs/**/*.md")]
FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"\s#\s(needs|takes)\s")
Mark = Literal["needs", "takes"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command, with its continuation lines."""

    page: str
    text: str
    bash: bool = True
    """Whether its fence names a shell. A fence without a language may contain other things, so none of it is run."""

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)

    @property
    def mark(self) -> Mark | None:
        """``needs``: the reader has to bring something. ``takes``: the command takes minutes or longer."""
        found = MARK.search(self.text)
        if found is None:
            return None if self.bash else "needs"
        return "needs" if found[1] == "needs" else "takes"

    @property
    def harness(self) -> list[str] | None:
        """The arguments, if it is a command of this package."""
        return self.words[1:] if self.words[0] == "harness" else None

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A file that a page shows and asks its reader to save."""

    name: str
    content: str


def steps_of(page: Path) -> Iterator[Command | Shown]:
    """The commands and files that a page asks its reader for, in order."""
    for language, title, content in FENCE.findall(page.read_text(encoding="utf-8")):
        if title:
            yield Shown(name=title, content=content)
            continue
        bash = language == "bash"
        for line in content.replace("\\\n", " ").splitlines():
            if (bash and line.strip()) or (not language and line.startswith(("harness ", "make "))):
                yield Command(page=page.relative_to(ROOT).as_posix(), text=line, bash=bash)


def commands() -> list[Command]:
    """All commands of all pages, without duplicates."""
    every = (step for page in sorted(PAGES) for step in steps_of(page) if isinstance(step, Command))
    return list({tuple(one.words): one for one in every}.values())


def within() -> list[list[str]]:
    """The arguments of our commands in scripts on pages, and of those that another command gets in quotes."""
    steps = [step for page in sorted(PAGES) for step in steps_of(page)]
    lines = [line for step in steps if isinstance(step, Shown) for line in step.content.splitlines()]
    quoted = [word for step in steps if isinstance(step, Command) for word in step.words if " " in word]
    found = (re.search(r"\bharness \w.*", text) for text in (*(one for one in lines if "srun" in one), *quoted))
    return [shlex.split(one[0])[1:] for one in found if one]
