"""HTML pages. Each is one file that needs no network and runs only its own script.

The templates escape everything that comes from runs, and the script inserts it as text. A content security policy
admits only the style and the script of the page, by their hashes.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.records.results import RunResult
from harness.report.numbers.document import ArmRow, Board
from harness.report.numbers.setup import Rows, setups
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages import cells, columns, saves
from harness.report.pages.compare_text import costs, noise, sentences
from harness.report.pages.curves import Runs, compared_curves, fits, learning_curves, regimes
from harness.report.pages.fitted import below
from harness.report.pages.notes import flags, lead, notes, summary, warnings

STYLES = ("page.css", "chart.css")
SCRIPTS = ("scales.js", "draw.js", "explore.js", "sort.js", "search.js", "save.js", "page.js")
"""Joined into one script, in this order, because later files use definitions of earlier ones."""


def leaderboard_page(board: Board, results: Sequence[RunResult], links: dict[str, str]) -> str:
    """The page of a leaderboard. ``results``: all of its runs. ``links``: addresses of runs by run id, where known."""
    runs = {run.run_id: run for run in results}
    doubts, several = warnings(board), len(board.boards) > 1
    contents = [
        ("curves", "Figure"),
        *([("warnings", f"{len(doubts)} warnings" if len(doubts) > 1 else "1 warning")] if doubts else []),
        *([("across", "All regimes")] if several else []),
        *((f"regime-{place}", part.regime) for place, part in enumerate(board.boards)),
        *(("settings", "Settings"), ("reading", "How to read this"), ("saving", "Downloads")),
        ("origins", "Provenance"),
    ]
    offered = saves.of_board(board, results)
    beside = "" if "verdicts.csv" in offered else "There are too many verdicts for a page; see problems.parquet."
    return render(
        "leaderboard.html",
        board=board,
        lead=lead(board),
        flags=flags(board),
        contents=contents,
        curves=learning_curves(board, runs),
        fits=fits(board),
        regimes=regimes(board, runs) if several else None,
        warnings=doubts,
        notes=notes(board),
        summary=summary,
        below=below,
        setups=setups([(_rows(part.arms, runs), part.baseline) for part in board.boards]),
        files=offered,
        files_note=beside,
        links=links,
    )


def compare_page(found: SideBySide, links: dict[str, str]) -> str:
    """The page of ``harness compare``."""
    contents = [
        *(("curves", "Figure"), ("found", "Results"), ("settings", "Settings")),
        *((part.kind, f"Problems {part.kind}") for part in found.changed),
        *(("saving", "Downloads"), ("origins", "The runs")),
    ]
    sides = {name: side[0] for name, side in zip(found.names, found.runs, strict=True)}
    return render(
        "compare.html",
        found=found,
        sentences=sentences(found),
        flags=["There is one run each, which says nothing about the objectives."] if found.single else [],
        contents=contents,
        curves=compared_curves(found),
        costs=costs(found),
        setups=setups([(sides, found.names[1])]),
        noise=noise(found),
        files=saves.of_comparison(found),
        links=links,
    )


def _rows(rows: Sequence[ArmRow], runs: Runs) -> Rows:
    """One run for each row that has runs."""
    return {row.objective: runs[row.run_ids[0]] for row in rows if row.run_ids}


def render(template: str, **content: Any) -> str:
    """The page that a template makes from this content."""
    style, script = _assets(STYLES), f'"use strict";\n(() => {{\n{_assets(SCRIPTS)}}})();\n'
    policy = f"default-src 'none'; style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'"
    return _environment().get_template(template).render(**content, policy=policy, style=style, script=script)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.globals |= {"cells": cells, "columns": columns}
    environment.filters |= {"shown": cells.shown, "excerpt": cells.excerpt, "place": cells.place, "key": _key}
    return environment


def _key(text: str) -> Markup:
    """A dotted key that may wrap after its dots and underscores on a narrow screen."""
    found = escape(cells.shown(text))
    return found.replace(".", Markup(".<wbr>")).replace("_", Markup("_<wbr>"))


@cache
def _assets(names: Sequence[str]) -> str:
    folder = files("harness.report.pages") / "assets"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def _hash(content: str) -> str:
    return b64encode(sha256(content.encode()).digest()).decode()
