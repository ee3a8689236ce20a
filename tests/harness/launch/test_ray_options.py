"""A problem with a cluster is reported in one sentence, within seconds."""

import importlib
import pickle
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from harness.errors import HarnessError
from harness.launch.execution import Execution
from harness.launch.executors.choosing import executor_of
from harness.launch.executors.ray.connecting import RayChoice, shipped
from harness.launch.executors.ray.node import lacking
from harness.launch.executors.ray.room import needs
from harness.launch.executors.ray.storage import check_sizes
from harness.launch.plan import plan
from harness.terminal import Terminal
from tests.support.command_line import SETTINGS, refused
from tests.support.small import SUITE, small_config


@contextmanager
def port(listens: bool) -> Iterator[str]:
    """An address without a cluster: there is no listener, or one that never answers."""
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


def test_a_cluster_that_may_want_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray does not say that the missing token is the reason."""
    monkeypatch.setattr("ray.init", Mock(side_effect=ConnectionError("Failed to connect")))
    refused(command(tmp_path, "--executor", "ray"), "RAY_AUTH_MODE=token", "ray start --head")


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


def test_gpus_that_only_the_nodes_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's machine plans runs on these GPUs. The same runs cannot run on the driver's machine."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("harness.launch.places.gpus", list)
    monkeypatch.setattr("harness.launch.executors.choosing.connect", lambda *_: None)
    changes = [("model.device", "cuda"), ("model.dtype", "bfloat16"), ("compute.engine", "transformers")]
    planned, console = plan(SUITE, changes, ["agro"], [0]), Terminal(quiet=True)
    on_ray = Execution(
        out=tmp_path, tracking_uri=None, workers=None, fresh=False, ray=RayChoice(address=None, storage=None)
    )
    executor_of(planned, planned.runs, on_ray, console)
    assert needs(planned.runs[0]) == {"CPU": 1.0, "GPU": 1.0}
    with pytest.raises(HarnessError, match=r"torch sees no GPU; .*--executor ray for GPUs of other machines"):
        executor_of(planned, planned.runs, replace(on_ray, ray=None), console)


@pytest.mark.parametrize("changes", [{}, {"policy__lora": {"rank": 4}}], ids=["all weights", "adapters"])
def test_weights_too_large_for_messages_are_refused_before_anything_starts(
    changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with adapters leaves all weights, too: its final model has the adapters added to them."""
    monkeypatch.setattr("harness.launch.executors.ray.storage.MOST_IN_MEMORY", 1000)
    with pytest.raises(HarnessError, match=r"a file with the weights of embedded.*--ray-storage"):
        check_sizes([small_config(**changes)])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, None),
        ({"task": {"name": "of_a_package:hard"}}, "lacks the task of_a_package;"),
        ({"compute": {"engine": "of_a_package"}}, "lacks the engine of_a_package;"),
        ({"compute": {"engine": "vllm"}}, "lacks the engine vllm;"),
    ],
)
def test_what_other_packages_add_must_be_on_the_node(
    changes: dict[str, dict[str, str]], sentence: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.launch.executors.ray.node.vllm_version", lambda device: None)
    config = small_config()
    for section, update in changes.items():  # as from a driver that has the package
        config = config.model_copy(update={section: getattr(config, section).model_copy(update=update)})
    told = lacking(pickle.loads(pickle.dumps(config)))
    assert told is None if sentence is None else sentence in (told or "") and "on every node" in (told or "")
