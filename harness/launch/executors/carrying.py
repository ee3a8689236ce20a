"""Training a requested run in a process. An error in one run does not affect other runs."""

import os
import traceback
from collections.abc import Callable

from safetensors import SafetensorError

from harness.errors import NO_ROOM, HarnessError, explained
from harness.launch.executors.executor import Broken, RunRequest, Terms
from harness.launch.gang import run_rank, train_request
from harness.records.out_dir import ERROR
from harness.training.loop import Outcome
from harness.world import LostRanks


def carry(request: RunRequest, terms: Terms, should_stop: Callable[[], bool]) -> Outcome | Broken:
    """Train the run in this process until it ends. For a run on several devices, this process is one rank.

    Raises:
        HarnessError: the disk is full.
    """
    if should_stop() and request.devices == 1:  # ranks agree on stopping within the run
        return "interrupted"
    config, directory = request.config, request.directory
    rank = os.environ["RANK"] if request.devices > 1 else "0"
    if rank == "0":
        (directory / ERROR).unlink(missing_ok=True)
    try:
        return (run_rank if request.devices > 1 else train_request)(request, terms, should_stop)
    except LostRanks as error:
        return Broken(run_id=config.run_id, reason=str(error), lost=True)
    except HarnessError as error:
        return Broken(run_id=config.run_id, reason=str(error))
    except Exception as error:
        if isinstance(error, SafetensorError) or (isinstance(error, OSError) and error.errno in NO_ROOM):
            raise HarnessError(
                f"cannot write {directory}: {error}; free some space, and the same command resumes"
            ) from error
        if rank != "0":  # may have another disk
            return Broken(run_id=config.run_id, reason=f"rank {rank}: {explained(error)}")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        return Broken(run_id=config.run_id, reason=f"{explained(error)} ({directory / ERROR})")
