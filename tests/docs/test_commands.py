"""Every command in the documentation works. All of them are parsed, and all that can run here are run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import typer

from harness.cli import app
from harness.launch.plan import Plan
from tests.support.command_line import SETTINGS, harness
from tests.support.documented import PAGES, Command, commands, within
from tests.support.paths import ROOT
from tests.support.processes import typed

KNOWN = typer.main.get_command(app).commands  # type: ignore[attr-defined]
EVERY = commands()
OURS = [one for one in EVERY if one.harness]
OTHERS = [one for one in OURS if one.page != "docs/tutorial.md"]
"""Commands of the tutorial have a test of their own."""
PLANNED = ("run", "tune", "staleness")
"""Commands that stop where training would begin. The other long commands have tests of their own."""
LONG = [one for one in OTHERS if one.mark == "takes" and one.words[1] in PLANNED]
SHORT = [one for one in OTHERS if one.mark is None]
ARCHIVE = "results/tiny-arithmetic/runs.tar.xz"


class Planned(Exception):
    """Raised where training would begin."""


@pytest.mark.parametrize("words", [*(one.harness or [] for one in OURS), *within()], ids=" ".join)
def test_its_options_exist(words: list[str]) -> None:
    name, *arguments = words
    assert name in KNOWN
    KNOWN[name].make_context(name, arguments)


@pytest.mark.parametrize("command", [one for one in EVERY if not one.harness], ids=str)
def test_what_it_names_exists(command: Command) -> None:
    match command.words:
        case ["make", target, *_]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        case ["python", "-m", module, *_] if module.startswith("benchmarks"):
            assert list(ROOT.glob(f"{module.replace('.', '/')}*"))
        case ["torchrun", *options] if "-m" in options:
            assert list(ROOT.glob(f"{options[options.index('-m') + 1].replace('.', '/')}*"))
        case ["python", script, *_] if script.startswith("benchmarks/"):
            assert (ROOT / script).is_file()
        case _:
            assert command.mark == "needs" or command.page == "docs/tutorial.md", "no test runs it, so it needs a mark"


def test_commands_in_a_script_and_in_quotes_are_found() -> None:
    assert {name for name, *_ in within()} == {"run"} and len(within()) == 2


def test_the_commands_of_make_are_run_by_the_checks() -> None:
    checks = (ROOT / ".ci" / "run").read_text()
    unmarked = [one for one in EVERY if one.words[0] == "make" and one.mark is None]
    assert unmarked
    for command in unmarked:
        assert re.search(rf"^make .*\b{command.words[1]}\b", checks, re.MULTILINE), command


def test_a_command_stands_in_a_fence() -> None:
    """These tests would not find an indented block."""
    for page in PAGES:
        assert not re.search(r"^(?: {4}|\t)(?:harness|make|python|pip) ", page.read_text(), re.MULTILINE), page


@pytest.mark.parametrize("command", LONG, ids=str)
def test_a_long_one_is_planned(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the start of training: names, settings, regimes, looks."""

    def stop(planned: Plan, *rest: object) -> NoReturn:
        assert planned.runs
        raise Planned

    monkeypatch.setattr("harness.launch.carry_out._carry_out", stop)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Planned):
        harness(*(command.harness or []))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which a reader has typed a small version of the first command, with an archive where ours is."""
    made = tmp_path_factory.mktemp("reader")
    done = typed(["run", "--algos", "agro,grpo", "--seeds", "1", *SETTINGS], made / "runs")
    assert done.code() == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        code, output = harness("publish", "--suite", "tiny-arithmetic")
        assert code == 0, output
        assert (made / ARCHIVE).is_file()
        yield made


@pytest.mark.parametrize("command", SHORT, ids=str)
def test_a_short_one_is_run(command: Command, folder: Path) -> None:
    name, *arguments = command.harness or []
    if name == "run":
        done = typed([name, *arguments, *SETTINGS], folder / f"runs-{abs(hash(command))}")
        assert done.code() == 0, done.stderr
    else:
        code, output = harness(name, *arguments)
        assert code == 0, output
