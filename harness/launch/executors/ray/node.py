"""A run on a node: it starts from what the sink has, works in a folder of its own, and sends new files."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from evaluators.tasks import task_names
from harness.config.run_config import RunConfig
from harness.config.settings import BUILT_IN_ENGINES, added_engines
from harness.errors import HarnessError
from harness.launch.executors.carrying import carry
from harness.launch.executors.executor import Broken, RunRequest, Terms
from harness.launch.executors.ray.mirror import Mirror, Say
from harness.launch.executors.ray.sink import Begun
from harness.launch.executors.ray.storage import Stored, pack, unpack
from harness.records.journal import JOURNAL
from harness.records.out_dir import CHECKPOINT
from harness.records.provenance import vllm_version
from harness.rollout.fixed_set import COMPLETIONS, SHARED_BY
from harness.training.checkpoint import journal_bytes_of
from harness.training.first_look import Seen, look
from harness.training.loop import Outcome

ASK_EVERY = 1.0
"""Seconds between two requests for a fixed set that another run is making."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ties:
    """The connection of a node to the driver."""

    sink: Any
    """The actor :class:`harness.launch.executors.ray.sink.Sink`."""
    storage: str | None


def look_here(config: RunConfig) -> Seen:
    """As :func:`harness.training.first_look.look`, on this node.

    Raises:
        HarnessError: this node lacks a package, or as there.
    """
    if absent := lacking(config):
        raise HarnessError(absent)
    return look(config)


def lacking(config: RunConfig) -> str | None:
    """A sentence on the parts of other packages that the run needs and this node lacks. None if it lacks nothing."""
    engine, absent = config.compute.engine, []
    if (task := config.task.name.partition(":")[0]) not in task_names():
        absent.append(f"the task {task}")
    missing_vllm = engine == "vllm" and vllm_version(config.model.device) is None
    if missing_vllm or engine not in (*BUILT_IN_ENGINES, *added_engines()):
        absent.append(f"the engine {engine}")
    if not absent:
        return None
    return (
        f"the node {ray.util.get_node_ip_address()} lacks {' and '.join(absent)}; install the package that adds it "
        "on every node, in the version that the driver has"
    )


def work(request: RunRequest, terms: Terms, ties: Ties) -> Outcome | Broken:
    """Train a run on this node until it ends. The directory in its request is on the driver's machine."""
    run_id = request.config.run_id
    if absent := lacking(request.config):
        return Broken(run_id=run_id, reason=absent)
    begun: Begun | str = ray.get(ties.sink.begin.remote(run_id, ray.util.get_node_ip_address()))
    if isinstance(begun, str):
        return Broken(run_id=run_id, reason=begun)
    if begun.word != "go":
        return "interrupted"
    return work_on(begun, request, terms, ties)


def work_on(begun: Begun, request: RunRequest, terms: Terms, ties: Ties) -> Outcome | Broken:
    """Train one attempt at a run until it ends."""
    suite = request.directory.parent.parent.name
    with tempfile.TemporaryDirectory(prefix="harness-", ignore_cleanup_errors=True) as root:
        directory = Path(root) / suite / "runs" / request.config.run_id
        directory.mkdir(parents=True)
        say = _speaker(ties, request.config.run_id, begun.attempt)
        token = SHARED_BY.set(_shared_by(say, ties.storage))
        try:
            with Mirror(directory, say, ties.storage, journal_bytes=_take_up(begun, directory)) as mirror:
                # The sink does not hand over files that --fresh discards.
                outcome = carry(replace(request, directory=directory), replace(terms, fresh=False), mirror.should_stop)
        except HarnessError as error:  # the disk is full
            say("refuse", str(error))
            outcome = "interrupted"
        finally:
            SHARED_BY.reset(token)
        say("end", ended=outcome in ("finished", "failed"))
    if isinstance(outcome, Broken):
        return replace(outcome, reason=outcome.reason.replace(str(directory), str(request.directory)))
    return outcome


def _take_up(begun: Begun, directory: Path) -> int:
    """Write the files from the sink. Returns the number of bytes of the journal that belong to its checkpoint."""
    for name, parcel in begun.files.items():
        unpack(parcel, directory / name)
    if CHECKPOINT not in begun.files:
        return 0
    size = journal_bytes_of(directory / CHECKPOINT)
    if (directory / JOURNAL).is_file() and (directory / JOURNAL).stat().st_size > size:
        os.truncate(directory / JOURNAL, size)
    return size


def _speaker(ties: Ties, run_id: str, attempt: int) -> Say:
    def say(method: str, *given: Any, **named: Any) -> Any:
        ask = getattr(ties.sink, method)
        if any(isinstance(one, Stored) for one in given):  # slow, and other runs should not wait
            ask = ask.options(concurrency_group=LARGE)
        return ray.get(ask.remote(run_id, attempt, *given, **named))

    return say


LARGE = "large"
"""The concurrency group of methods that fetch from storage, so that the others do not wait."""


def _shared_by(say: Say, storage: str | None) -> Callable[[Path], AbstractContextManager[None]]:
    @contextmanager
    def held(folder: Path) -> Iterator[None]:
        folder.mkdir(parents=True, exist_ok=True)
        while (answer := say("claim_set", folder.name)) == "wait":
            time.sleep(ASK_EVERY)
        if answer != "make":
            unpack(answer, folder / COMPLETIONS)
        yield
        if answer == "make":
            say("set_made", folder.name, pack(folder / COMPLETIONS, storage))

    return held
