"""One run, or one rank of a gang, in a process of its own: what gpu_check starts.

    python benchmarks/one_run.py REQUEST.json

Imports what training needs, and nothing else: no MLflow, no tables, no pictures.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from socket import socket
from subprocess import Popen

from pydantic import TypeAdapter

from harness.config.run_config import RunConfig
from harness.launch.executors.executor import RunRequest, Terms
from harness.launch.gang import run_rank
from harness.records.events import Invocation
from harness.training.loop import train

ROOT = Path(__file__).resolve().parents[1]
VISIBLE = "CUDA_VISIBLE_DEVICES"


def places(device: str, count: int) -> list[dict[str, str]]:
    """The environment that puts a process on each of ``count`` devices; on a CPU they share the cores."""
    if device == "cpu":
        return [{} for _ in range(count)]
    named = os.environ.get(VISIBLE)
    return [{VISIBLE: name} for name in (named.split(",") if named else map(str, range(count)))][:count]


def begin(
    config: RunConfig, invocation: Invocation, directory: Path, where: Sequence[dict[str, str]], *, gang: bool = False
) -> list["Popen[bytes]"]:
    """Start the run in ``directory``, with a process in each of the environments; ``gang``: also if it is one."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    request = directory.with_suffix(".json")
    request.write_text(
        json.dumps({"config": config.model_dump(mode="json"), "invocation": asdict(invocation)}), encoding="utf-8"
    )
    command = [sys.executable, str(Path(__file__)), str(request)]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    ranks = _ranks(len(where)) if gang or len(where) > 1 else [{}]
    return [
        Popen(command, env=os.environ | {"PYTHONPATH": path} | place | rank)
        for place, rank in zip(where, ranks, strict=True)
    ]


def _ranks(size: int) -> list[dict[str, str]]:
    with socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]


def main() -> None:
    path = Path(sys.argv[1])
    asked = json.loads(path.read_text(encoding="utf-8"))
    config, directory = RunConfig.model_validate(asked["config"]), path.with_suffix("")
    invocation = TypeAdapter(Invocation).validate_python(asked["invocation"])
    if "RANK" in os.environ:
        request = RunRequest(config=config, directory=directory, devices=config.compute.devices)
        outcome = run_rank(request, Terms(invocation=invocation), lambda: False)
    else:
        outcome = train(config, directory, invocation)
    sys.exit(outcome != "finished")


if __name__ == "__main__":
    main()
