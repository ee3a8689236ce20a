"""The options ``-q``, ``-v``, ``--json`` and ``--explain``, which set a command's output, as one parameter."""

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from harness.cli.parameters import Command, in_place_of
from harness.errors import HarnessError
from harness.terminal import Level, Terminal

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only results, warnings and errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print more: each step of a run, and the traceback behind an error.")
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the result as JSON to standard output, and everything else to standard error."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Also print what the columns of the tables mean.")]


def terminal(
    quiet: Quiet = False, verbose: Verbose = False, as_json: Json = False, explain: Explain = False
) -> Terminal:
    """The terminal that these options describe.

    Raises:
        HarnessError: the options contradict each other.
    """
    if quiet and verbose:
        raise HarnessError("--quiet and --verbose contradict each other; give one of them")
    level: Level = "quiet" if quiet else "verbose" if verbose else "usual"
    return Terminal(level=level, as_json=as_json, explain=explain)


def telling(*, result: bool = False, legend: bool = False) -> Callable[[Command], Command]:
    """Give a command these options in place of its parameter ``console``.

    Args:
        result: whether the command has a result, and so takes ``--json``.
        legend: whether its tables have a legend, so that it takes ``--explain``.
    """
    left_out = {"as_json": not result, "explain": not legend}
    options = {
        name: one for name, one in inspect.signature(terminal).parameters.items() if not left_out.get(name, False)
    }
    return in_place_of("console", options, terminal)
