"""Hooks of mkdocs: generated pages, the navigation, and links into the repository."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from command_line import commands_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from objective_list import objectives_page
from repository_links import ALWAYS, Repository
from suite_schema import suite_page

ROOT = Path(__file__).resolve().parents[2]
GENERATED = {
    "reference/commands.md": commands_page,
    "reference/suite.md": suite_page,
    "reference/objectives.md": objectives_page,
}
FETCHED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^"'\s>]+""")
"""References that a browser would fetch from another host."""
repository = Repository(ROOT)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each pattern in the navigation by the matching files that are not listed elsewhere."""
    named = set(_named(config.nav))
    config.nav = _expanded(config.nav, Path(config.docs_dir), named)
    return config


def _named(nav: Any) -> Iterator[str]:
    inside = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ()
    for entry in inside:
        yield from _named(entry)
    if isinstance(nav, str):
        yield nav


def _expanded(nav: Any, docs: Path, named: Collection[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _expanded(inside, docs, named) for title, inside in nav.items()}
    if isinstance(nav, list):
        every = (_expanded(entry, docs, named) for entry in nav)
        return [one for entry in every for one in (entry if isinstance(entry, list) else [entry])]
    if "*" not in nav:
        return nav
    found = (path.relative_to(docs).as_posix() for path in sorted(docs.glob(nav)))
    return [place for place in found if place not in named]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the files of the repository that pages link to."""
    for place, page in GENERATED.items():
        files.append(File.generated(config, place, content=page()))
    pages = [PurePosixPath("docs", file.src_uri) for file in files.documentation_pages() if file.generated_by is None]
    for place, content in repository.reached_from(pages).items():
        listed = InclusionLevel.INCLUDED if place in ALWAYS.values() else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, place, content=content, inclusion=listed))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace links into the repository by links to the copies on the site."""
    return repository.rewritten(markdown, page.file.src_uri)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Refuse a page if a browser would fetch something from another host."""
    if found := FETCHED.search(html):
        raise PluginError(f"{page.file.src_uri} fetches something from another host: {found[0]}")
    return html


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """The same check for the files of the theme."""
    return on_page_content(output, page, config, Files([]))
