"""What is amiss with a cluster is one sentence, within seconds."""

import importlib
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.launch.executors.ray.connecting import shipped
from tests.support.command_line import SETTINGS, refused


@contextmanager
def port(listens: bool) -> Iterator[str]:
    """An address on which there is no cluster: nobody listens, or listens and never answers."""
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        if listens:
            there.listen()
        yield f"127.0.0.1:{there.getsockname()[1]}"


def command(out: Path, *more: str) -> list[str]:
    return ["run", "--algos", "agro", "--seeds", "0,", *SETTINGS, "--out", str(out), *more]


@pytest.mark.parametrize("listens", [False, True])
def test_an_address_that_does_not_answer(listens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.launch.executors.ray.connecting.ANSWER_WITHIN", 0.5)
    with port(listens) as address:
        began = time.monotonic()
        refused(command(tmp_path, "--executor", "ray", "--ray-address", address), address, "ray start --head")
        assert time.monotonic() < began + 30


@pytest.mark.parametrize("address", ["ray://host:10001", "host", "host:port", "no.such.host.invalid:6379"])
def test_an_address_that_is_none(address: str, tmp_path: Path) -> None:
    refused(command(tmp_path, "--executor", "ray", "--ray-address", address), address)


def test_ray_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    refused(command(tmp_path, "--executor", "ray"), "pip install '.[ray]'")


@pytest.mark.parametrize(
    "options",
    [
        ["--ray-address", "auto"],
        ["--ray-storage", "file:///x"],
        ["--executor", "ray", "--devices", "0"],
        ["--executor", "ray", "--runs-per-device", "2"],
    ],
)
def test_an_option_of_the_other_executor(options: list[str], tmp_path: Path) -> None:
    refused(command(tmp_path, *options), "--executor")


@pytest.mark.parametrize(
    ("folder", "files", "spec", "expected"),
    [
        ("", ["mine.py", "helper.py"], "mine:X", ["mine.py", "helper.py"]),
        ("", ["package/__init__.py", "package/mine.py", "helper.py"], "package.mine:X", ["package", "helper.py"]),
        ("", ["package/mine.py"], "package.mine:X", ["package"]),
        ("site-packages", ["mine.py", "helper.py"], "mine:X", ["mine.py"]),
        ("site-packages", ["package/__init__.py", "package/mine.py", "helper.py"], "package.mine:X", ["package"]),
    ],
)
def test_what_an_objective_may_need_is_shipped_and_not_all_that_is_installed(
    folder: str, files: list[str], spec: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / folder
    for name in files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("")
    monkeypatch.syspath_prepend(place)
    modules = [spec.partition(":")[0], *(["helper"] if "helper.py" in files else [])]
    for name in {part for module in modules for part in (module, module.partition(".")[0])}:
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    for module in modules:
        importlib.import_module(module)
    own = [path for path in shipped([spec])["py_modules"] if path.startswith(str(tmp_path.resolve()))]
    assert sorted(own) == sorted(str((place / name).resolve()) for name in expected)
    assert len(shipped([spec])["py_modules"]) == len(own) + len(shipped()["py_modules"])
