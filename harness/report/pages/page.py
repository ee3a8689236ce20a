"""Pages: one file each, which needs no network and runs no script but its own.

All that comes from runs is escaped by the templates; a content security policy admits nothing but the page's own
style, its own script by its hash, and pictures inside it.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from harness.report.numbers.document import Board
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages import cells, columns
from harness.report.pages.compare_text import costs, sentences
from harness.report.pages.notes import notes, summary, warnings
from harness.report.pages.plots import svg


def leaderboard_page(board: Board, figures: dict[str, Figure], links: dict[str, str]) -> str:
    """The leaderboard. ``links``: addresses of runs by run id, as far as there are any."""
    return _render(
        "leaderboard.html",
        board=board,
        warnings=warnings(board),
        notes=notes(board),
        summary=summary,
        pictures=[(name, _data_uri(figure)) for name, figure in figures.items()],
        links=links,
    )


def compare_page(found: SideBySide, links: dict[str, str]) -> str:
    """What ``harness compare`` found."""
    return _render("compare.html", found=found, sentences=sentences(found), costs=costs(found), links=links)


def _render(template: str, **content: Any) -> str:
    environment, script = _environment(), _script()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_hash(script)}'"
    return environment.get_template(template).render(**content, policy=policy, script=script)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"cells": cells, "columns": columns}
    environment.filters |= {"shown": cells.shown, "excerpt": cells.excerpt}
    return environment


@cache
def _script() -> str:
    return (files("harness.report.pages") / "templates" / "sort.js").read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def _data_uri(figure: Figure) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg(figure)).decode()}"
