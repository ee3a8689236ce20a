"""Fixtures and hooks for the tests of all rooms."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support")  # must be set before it is imported

from tests.support.paths import ROOT  # noqa: E402

SHARED_DATA = ROOT / "../shared/data"
LONGEST_ID = 160
"""Characters of one text in the name of a test."""


def pytest_configure() -> None:
    """Restores interrupts. A shell starts background processes with interrupts ignored, and several tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shortens long texts in the names of tests, which workers send and reports print several times."""
    if not isinstance(val, str):
        return None
    name = val.encode("unicode_escape").decode()
    return name if len(name) <= LONGEST_ID else f"{name[:LONGEST_ID]}... {len(val)} characters"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the tests for several workers.

    Tests that share fixtures of their file stay together. The quick rooms come last. These are ``algorithms`` and
    ``evaluators``, which come first in the alphabet.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        definitions = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009
        if any(made.scope == "module" for (*_, made) in definitions) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
    items.sort(key=lambda item: str(item.path), reverse=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuses to go on if xdist does not see the groups. Then each worker would make the fixtures of a file again."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and any("@" not in item.nodeid for item in grouped):
        raise pytest.UsageError("pytest-xdist ignores groups with this version of pytest; install pytest<9.2")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the published data sets: ``AGRO_DATA``, or the shared data next to the checkout."""
    folder = Path(os.environ.get("AGRO_DATA", SHARED_DATA)).resolve()
    if not (folder / "gsm8k_test.jsonl").is_file():
        pytest.skip(f"no gsm8k_test.jsonl in {folder}; set AGRO_DATA to a folder that holds the data sets")
    return folder


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder for all workers of this test run."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``results/`` and the README as git has them, staged files included, whatever the working tree contains."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nothing here is known to be what was published")
    folder = tmp_path_factory.mktemp("committed")
    names = subprocess.run(["git", "ls-files", "results", "README.md"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(
        ["git", "checkout-index", "--stdin", f"--prefix={folder}/"], cwd=ROOT, input=names.stdout, check=True
    )
    return folder
