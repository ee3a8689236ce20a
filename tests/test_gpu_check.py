"""The check for machines with GPUs, tried on a CPU: it runs to its end, with few packages."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cut_off import with_only
from tests.support.paths import ROOT

WAYS = ("replicate", "shard")
SCRIPT = ROOT / "benchmarks" / "gpu_check.py"
SMALL = {"steps": 2, "prompts": 4, "problems": 4, "requests": 4, "tokens": 8, "device": "cpu", "dtype": "float32"}


@pytest.fixture
def wheelhouse(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import wheelhouse

    return wheelhouse


def cut_off(wheelhouse: Any) -> dict[str, str]:
    """An environment with only torch, transformers, the packages of the wheelhouse, and some of their dependencies."""
    alone = with_only(["torch", "transformers", *wheelhouse.WITH_WHAT_THEY_NEED])
    blocked = {name: set(alone[name].split(",")) for name in ("BLOCKED_MODULES", "BLOCKED_DISTRIBUTIONS")}
    return alone | {name: ",".join(sorted(found - set(wheelhouse.ALONE))) for name, found in blocked.items()}


def test_it_runs_through_without_network_vllm_and_mlflow(tmp_path: Path, wheelhouse: Any) -> None:
    environment = cut_off(wheelhouse) | {"HF_HUB_OFFLINE": "1"}
    blocked = environment["BLOCKED_MODULES"].split(",")
    assert {"mlflow", "matplotlib", "scipy", "datasets", "ray"} <= set(blocked)
    command = [sys.executable, str(SCRIPT), *(f"--{name}={value}" for name, value in SMALL.items())]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], capture_output=True, text=True, check=False, env=environment
    )
    assert "Traceback" not in done.stderr, done.stderr
    (written,) = tmp_path.glob("*.md")
    found = re.findall(r"^\|(.+)\|(.+)\|(.+)\|$", written.read_text(), re.M)[2:]  # without the header
    rows = {what.strip(): (figure.strip(), good.strip()) for what, figure, good in found}
    judged = {what: good for what, (_, good) in rows.items() if good and "reward" not in what}
    assert sum("gap" in what for what in judged) == 2  # only those of the transformers engine
    assert set(judged.values()) == {"yes"}, done.stderr
    for what in ("two runs at once, and one by one", *(f"gang of 2, {way}: seconds, and alone" for way in WAYS)):
        assert judged[what] == "yes"
    for way in WAYS:
        gang, alone = rows[f"gang of 2, {way}: reward of the first step, and alone"][0].split(", ")
        assert gang == alone
    learnt = {good for what, (_, good) in rows.items() if "quarter" in what}
    assert done.returncode == ("NO" in learnt)


def test_what_is_blocked_cannot_be_imported(wheelhouse: Any) -> None:
    """Otherwise the test above would show nothing."""
    code = "import importlib.util as u, torch, peft; print([u.find_spec(n) for n in ('mlflow', 'scipy', 'matplotlib')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=cut_off(wheelhouse)
    )
    assert done.stdout.strip() == "[None, None, None]"


def test_the_wheelhouse_asks_for_what_the_package_declares(wheelhouse: Any, tmp_path: Path) -> None:
    found = wheelhouse.requirements()
    assert found["peft"] == "peft>=0.19,<0.22" and found["pyarrow"].startswith("pyarrow>=18,<")
    alone, others = wheelhouse.commands("3.12", "x86_64", tmp_path)
    assert "--no-deps" in alone and "--no-deps" not in others
    for command in (alone, others):
        assert command[command.index("--python-version") + 1] == "3.12"
        assert "--only-binary=:all:" in command and "manylinux2014_x86_64" in command


def test_devices_that_are_named_are_those_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import one_run

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert one_run.places("cuda", 2) == [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,GPU-c")
    assert one_run.places("cuda", 2) == [{"CUDA_VISIBLE_DEVICES": "GPU-a"}, {"CUDA_VISIBLE_DEVICES": "GPU-b"}]
    assert one_run.places("cpu", 2) == [{}, {}]
