"""The application of all commands, and what the commands share."""

import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, ParamSpec

import typer

from evaluators.plugins import PluginError
from evaluators.types import TaskError
from harness.config.arguments import names_of
from harness.errors import NO_ROOM, HarnessError
from harness.terminal import Terminal

# Set before any Hugging Face library is imported, because its bars would disturb ours.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

P = ParamSpec("P")
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"harness {version('agro-harness')}")
        except PackageNotFoundError:
            print("harness, from a checkout that is not installed")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Which fine-tuning objective teaches a language model more mathematics for the same budget?"""


def one_sentence(command: Callable[P, None]) -> Callable[P, None]:
    """Show an error that the user can fix as one sentence, with exit code 2. ``--verbose`` adds the traceback."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (HarnessError, TaskError, PluginError) as error:
            if kwargs.get("verbose") and not kwargs.get("quiet"):
                traceback.print_exception(error)
            print(f"harness: {error}", file=sys.stderr)
            raise typer.Exit(2) from error
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            print(f"harness: cannot write: {error}; free some space, and the same command resumes", file=sys.stderr)
            raise typer.Exit(2) from error

    return guarded


def say_loading(console: Terminal) -> None:
    """Say at once why the first seconds pass. Prints to standard error, so that standard output has only results."""
    if console.level != "quiet":
        print("loading torch and transformers ...", file=sys.stderr, flush=True)


def objectives_of(algos: str) -> list[str]:
    """The names in ``--algos``. From now on, objectives in the current directory can be imported."""
    find_own_objectives()
    return names_of(algos)


def find_own_objectives() -> None:
    """Make the user's own objectives importable from the current directory."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
