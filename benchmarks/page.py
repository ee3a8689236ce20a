"""The page of a benchmark: its heading, its command, the machine, and its tables. No line of it is written by hand."""

import os
import shlex
import statistics
import sys
import textwrap
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

WIDTH = 120


def takes_out(parser: ArgumentParser) -> None:
    """Add ``--out`` to the options of a benchmark."""
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="also write the page to this file")


class Page:
    """A page, from its heading to its last table."""

    def __init__(self, title: str, about: str, *, script: str | None = None) -> None:
        """Begin a page. The machine's load is noted now, so create the page before anything is measured.

        Args:
            about: what is measured, in some sentences.
            script: how the command begins, after ``python``. By default, it is the path of the script.
        """
        command = shlex.join(["python", *_short(shlex.split(script or sys.argv[0])), *_short(sys.argv[1:])])
        self._lines = [f"# {title}", "", f"    {command}", ""]
        self.say(f"{about} Measured on {date.today()}, on {machine()}.")

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self._lines += [*textwrap.wrap(" ".join(text.split()), WIDTH, break_on_hyphens=False), ""]

    def section(self, title: str) -> None:
        self._lines += [f"## {title}", ""]

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> None:
        """Add a table. Its first ``texts`` columns hold words, the others numbers."""
        from harness.report.pages.grid import Grid  # not in processes whose memory is measured

        grid = Grid(headers=tuple(headers), rows=[list(row) for row in rows], texts=texts)
        self._lines += [*grid.markdown(), ""]

    @property
    def text(self) -> str:
        return "\n".join(self._lines).rstrip() + "\n"

    def end(self, out: Path | None) -> None:
        """Print the page, and write it to ``out``."""
        print(self.text)
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(self.text, encoding="utf-8")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median and the range of several measurements."""
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def machine() -> str:
    """The cores, their abilities, and how busy they are."""
    cores, able = len(os.sched_getaffinity(0)), torch.backends.cpu.get_cpu_capability()
    cpu = torch.cpu
    extra = [
        name
        for name, there in (
            ("bfloat16 products", cpu._is_avx512_bf16_supported()),
            ("AMX", cpu._is_amx_tile_supported()),
        )
        if there
    ]
    busy = os.getloadavg()[0]
    return f"{cores} cores with {', '.join([able, *extra])}, at a load of {busy:.1f} before it began"


def _short(arguments: Sequence[str]) -> list[str]:
    """The arguments of the command. Of a path outside this folder, only the last part, because others lack the rest."""
    parts = [one.rpartition("=") for one in arguments]
    return ["".join((*option, Path(value).name if os.path.isabs(value) else value)) for *option, value in parts]
