"""A real MLflow server for tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def free_port() -> int:
    """A free port of this machine. Another process may take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(
    folder: Path, *options: str, surroundings: Mapping[str, str] | None = None
) -> tuple[str, "subprocess.Popen[bytes]"]:
    """The address and process of the server. It stores everything below ``folder``, unless ``options`` place artifacts
    elsewhere.
    """
    command = ["mlflow", "server", "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += options or ("--no-serve-artifacts", "--default-artifact-root", str(folder / "artifacts"))
    return listening(command, surroundings)


def listening(
    module: Sequence[str], surroundings: Mapping[str, str] | None = None
) -> tuple[str, "subprocess.Popen[bytes]"]:
    """The address and the process of a server: a Python module with its arguments."""
    port = free_port()
    command = [sys.executable, "-m", *module, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, start_new_session=True, env=os.environ | dict(surroundings or {}))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    return f"http://127.0.0.1:{port}", process


def stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
