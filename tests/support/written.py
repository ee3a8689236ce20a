"""The lines of tables as they were written, each as a list of words: from Markdown, the terminal, or a page."""

import html
from html.parser import HTMLParser

from rich.console import Console, RenderableType

from harness.report.pages.grid import Grid

Words = list[list[str]]


def lines_of(grid: Grid) -> Words:
    """The expected text: the headers, then each row."""
    return [" ".join(cells).split() for cells in (grid.headers, *grid.rows)]


def in_markdown(text: str) -> Words:
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [html.unescape(" ".join(cells)).split() for cells in rows]


def in_terminal(shown: RenderableType) -> Words:
    """The table on a screen that is wide enough for every cell."""
    console = Console(width=400)
    with console.capture() as printed:
        console.print(shown)
    return [line.split() for line in printed.get().splitlines()]


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: Words = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1] += data.split()


def in_page(text: str) -> Words:
    reader = _Rows()
    reader.feed(text)
    return reader.rows
