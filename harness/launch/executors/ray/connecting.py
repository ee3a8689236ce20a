"""Connecting to a cluster: checks within seconds that it exists, and ships the code to it."""

import logging
import os
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import HarnessError, one_line
from harness.launch.executors.executor import SURROUNDINGS
from harness.records.provenance import SHIPPED, versions

OURS = ("algorithms", "evaluators", "harness")
"""Packages that are sent to the nodes."""
ANSWER_WITHIN = 5.0
"""Seconds that an address has to answer. Ray itself would try for more than a minute and then end the process."""
OBJECT_STORE = 512 * 2**20
"""Bytes of the object store of a cluster on this machine only. It only carries messages."""
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
"""The HTTP/2 preface with empty settings. A Ray head answers with its own settings."""
SETTINGS = 4
INSTALLED = ("site-packages", "dist-packages")
"""Folders of installed packages, which the nodes also have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RayChoice:
    """The options of ``--executor ray``."""

    address: str | None
    """HOST:PORT, ``auto``, or ``local`` for this machine only. None means RAY_ADDRESS if set, otherwise this
    machine."""
    storage: str | None
    """The place through which large files are transferred."""


def connect(address: str | None, objectives: Iterable[str] = ()) -> None:
    """Connect this process to the cluster, unless it is connected. The connection stays open, so workers stay warm.

    ``objectives``: names of objectives. Files of your own objectives (my_module:MyObjective) are shipped, too.

    Raises:
        HarnessError: Ray is not installed, the cluster does not answer, or it has another version.
    """
    # Ray reads these on import. They disable usage reports, and let runs on the CPU see GPUs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise HarnessError("--executor ray needs Ray, which is not installed: pip install '.[ray]'") from error
    if ray.is_initialized():
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address not in ("local", "auto"):
        _check(address)
    own: dict[str, Any] = {"object_store_memory": OBJECT_STORE, "include_dashboard": False}
    try:
        ray.init(
            address,
            runtime_env=shipped(objectives),
            log_to_driver=False,
            logging_level=logging.ERROR,
            **own if address == "local" else {},
        )
    except (Exception, SystemExit) as error:
        raise HarnessError(
            f"cannot connect to the Ray cluster {address} ({one_line(error)[:200]}); if ray start said that token "
            "authentication is enabled, set RAY_AUTH_MODE=token; otherwise start one with ray start --head and give "
            "its HOST:PORT as --ray-address, or leave the option out to use only this machine"
        ) from error


def shipped(objectives: Iterable[str] = ()) -> dict[str, Any]:
    """The runtime environment of all tasks: the code of this process, and the files of the user's objectives."""
    found = versions()
    own = dict.fromkeys(path for spec in objectives if ":" in spec for path in _files_of(spec.partition(":")[0]))
    return {
        "py_modules": [*(str(files(package)) for package in OURS), *own],
        "excludes": ["__pycache__"],
        "env_vars": {
            SHIPPED: f"{found['agro-harness']} {found['commit']}",
            **SURROUNDINGS,
        },
    }


def _files_of(module: str) -> list[str]:
    """The file or package of a module, and all modules that were imported from the same folder.

    For an installed package, this is only the package: its dependencies are installed, too.
    """
    own = _place(sys.modules[module.partition(".")[0]])
    assert own is not None, "the module was imported when the run's config was made"
    if own.parent.name in INSTALLED:
        return [str(own)]
    top = {name: one for name, one in sys.modules.items() if "." not in name and name != "__main__"}
    places = {name: place for name, one in top.items() if (place := _place(one)) is not None}
    return [str(place) for name, place in places.items() if place.parent == own.parent and name not in OURS]


def _place(module: ModuleType) -> Path | None:
    """The file of a module, or the folder of a package, with or without ``__init__.py``."""
    file = getattr(module, "__file__", None)
    if file is None:
        return next((Path(folder).resolve() for folder in getattr(module, "__path__", ())), None)
    path = Path(file).resolve()
    return path.parent if path.name == "__init__.py" else path


def _check(address: str) -> None:
    """Check that a Ray head answers at this address.

    Raises:
        HarnessError: it does not answer.
    """
    if "://" in address:
        raise HarnessError(
            f"--ray-address {address}: the driver writes the directories of the runs, so it must be on a node of the "
            "cluster; start the command there, with HOST:PORT or auto"
        )
    host, _, port = address.rpartition(":")
    reason = "something other than a Ray head answers"
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_WITHIN) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return
            connection.sendall(GREETING)
            with suppress(TimeoutError):
                answer = connection.recv(9, socket.MSG_WAITALL)
                if len(answer) == 9 and answer[3] == SETTINGS:
                    return
                raise ConnectionError
            reason = f"no answer within {ANSWER_WITHIN:g} s"
    except ConnectionRefusedError:
        reason = "connection refused"
    except ValueError:
        reason = "it is not HOST:PORT"
    except ConnectionError:
        pass
    except OSError as error:
        reason = one_line(error)
    raise HarnessError(
        f"there is no Ray cluster at --ray-address {address} ({reason}); start one with ray start --head --port 6379 "
        "and give its HOST:6379, or leave the option out to use only this machine"
    )
