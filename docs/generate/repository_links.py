"""Links from a page to files of the repository that are no pages: tests, results, code.

In the repository they are ordinary relative links. The site holds a copy of each file that is linked, under its own
path, and the links lead there. So they work on any host and without one, and a link to a missing file fails the build.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mkdocs.exceptions import PluginError

LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(\))")
SHOWN = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".cff": "yaml", "": "text"}
"""Files that become a page that shows them, and their language."""
ALWAYS = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
ALWAYS |= {"results/README.md": "results/README.md"}
"""Pages that lie outside ``docs/``, and where the site has them."""


class Repository:
    """The files that pages reach, each with its place on the site."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._source: dict[str, PurePosixPath] = {}
        """By place on the site: where it comes from."""

    def reached_from(self, pages: Iterable[PurePosixPath]) -> dict[str, str | bytes]:
        """Contents by place, of all files outside ``docs/`` that the pages reach, also over several links."""
        waiting = [*pages, *map(PurePosixPath, ALWAYS)]
        found: dict[str, str | bytes] = {}
        while waiting:
            path = waiting.pop()
            place = self.place(path)
            if place in self._source:
                continue
            self._source[place] = path
            if path.suffix == ".md":
                text = (self._root / path).read_text(encoding="utf-8")
                waiting += [target for target in (self._target(path, m[2]) for m in LINK.finditer(text)) if target]
            if not path.is_relative_to("docs"):
                found[place] = self._content(path)
        return found

    def rewritten(self, markdown: str, place: str) -> str:
        """A page's text, whose links lead to places on the site. In code, ``](`` is no link."""
        source, here = self._source.get(place), PurePosixPath(place).parent
        if source is None or source.suffix != ".md":
            return markdown

        def link(match: re.Match[str]) -> str:
            target = self._target(source, match[2])
            if target is None:
                return match[0]
            return f"{match[1]}{os.path.relpath(self.place(target), here)}{match[3] or ''}{match[4]}"

        return LINK.sub(link, markdown)

    def place(self, path: PurePosixPath) -> str:
        """Where the site has a file of the repository."""
        if path.is_relative_to("docs"):
            return path.relative_to("docs").as_posix()
        if path.as_posix() in ALWAYS:
            return ALWAYS[path.as_posix()]
        return f"{path}.md" if path.suffix in SHOWN else path.as_posix()

    def _target(self, source: PurePosixPath, link: str) -> PurePosixPath | None:
        """The file that is linked; None if mkdocs itself knows it."""
        path = PurePosixPath(os.path.normpath(source.parent / link))
        if path.is_relative_to("docs") and source.is_relative_to("docs"):
            return None
        if not (self._root / path).exists():
            raise PluginError(f"{source} links to {link}, which is not in the repository")
        return path / "__init__.py" if (self._root / path).is_dir() else path

    def _content(self, path: PurePosixPath) -> str | bytes:
        if path.suffix == ".md":
            return (self._root / path).read_text(encoding="utf-8")
        if path.suffix not in SHOWN:
            return (self._root / path).read_bytes()
        text = (self._root / path).read_text(encoding="utf-8")
        return f"# {path}\n\n````{SHOWN[path.suffix]}\n{text}````\n"
