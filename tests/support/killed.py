"""One small run in a process of its own, to be killed."""

import os
import signal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import harness.training.checkpoint
from tests.support.processes import FORKS
from tests.support.small import run_small, small_config


def start(directory: Path, *, die_in_checkpoint: bool = False) -> ForkServerProcess:
    """Trains in ``directory``. With ``die_in_checkpoint``, it dies when half of the second checkpoint is written."""
    process = FORKS.Process(target=_die_in_checkpoint if die_in_checkpoint else _train, args=(directory,))
    process.start()
    return process


def _train(directory: Path) -> None:
    run_small(small_config("agro"), directory)


def _die_in_checkpoint(directory: Path) -> None:
    whole, paths = harness.training.checkpoint.save_file, []

    def half(tensors: Any, path: Path, metadata: Any) -> None:
        whole(tensors, path, metadata)
        paths.append(path)
        if len(paths) == 2:  # the checkpoint in the middle of the run
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    harness.training.checkpoint.save_file = half  # changes only this process
    _train(directory)
