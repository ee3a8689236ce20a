"""The output of a command: its results and its log lines. The user chooses how much is printed."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from rich.console import Console, RenderableType

Level = Literal["quiet", "usual", "verbose"]
OFF_TERMINAL = 1000
"""The width if the output is not a terminal. Tables take the width that they need, and are never cut."""


class Terminal(Console):
    """A rich console that distinguishes results and log lines. Warnings are printed with ``print``.

    Args:
        level: ``quiet`` leaves log lines out; ``verbose`` adds the details.
        as_json: results go to standard output as JSON, and everything else to standard error.
        explain: tables have their whole legend.
        options: options of rich's console.
    """

    def __init__(self, *, level: Level = "usual", as_json: bool = False, explain: bool = False, **options: Any) -> None:
        super().__init__(soft_wrap=True, stderr=as_json, **options)
        self.level, self.explain = level, explain
        self._as_json = as_json
        seen = self.is_terminal or self.is_jupyter
        if not seen and "width" not in options and "COLUMNS" not in os.environ:
            self.width = OFF_TERMINAL

    def say(self, text: str) -> None:
        """Print a log line. If the output is not a terminal, the line begins with the time."""
        if self.level != "quiet":
            stamp = "" if self.is_terminal else time.strftime("%Y-%m-%d %H:%M:%S ")
            self.print(f"{stamp}{text}", highlight=False, markup=False)

    def detail(self, text: str) -> None:
        """Print a log line if the level is ``verbose``."""
        if self.level == "verbose":
            self.say(text)

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """A context in which a terminal shows what the command is waiting for."""
        return nullcontext() if self.level == "quiet" else self.status(text)

    def show(self, result: RenderableType, document: Callable[[], str]) -> None:
        """Print the result of a command, as text or as the JSON that ``document`` returns. Call it once per command."""
        if not (self._as_json and self.level == "quiet"):
            self.print(result, highlight=False)
        if self._as_json:
            sys.stdout.write(document().rstrip("\n") + "\n")
