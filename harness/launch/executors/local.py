"""Runs on this machine, in parallel worker processes with one device each. Workers only write journals."""

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.devices import Device
from harness.launch.executors.carrying import carry
from harness.launch.executors.executor import (
    GRACE,
    SURROUNDINGS,
    WATCH_EVERY,
    Broken,
    Ended,
    RunRequest,
    Terms,
    of_ranks,
)
from harness.launch.executors.slots import Slots
from harness.launch.executors.worker import Context, Died, Worker, asked_to_stop
from harness.launch.gang import MeetingPoint
from harness.launch.interrupts import Interrupts
from harness.training.first_look import Seen, look
from harness.training.loop import Outcome

Work = Callable[[RunRequest, Terms], Outcome | Broken]


def work(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """Train a requested run in a worker process."""
    return carry(request, terms, asked_to_stop)


def context_for(devices: Sequence[Device]) -> Context:
    """The start method of workers on these devices.

    Workers on the CPU are forks of one process that has already made the imports of a run, which take seconds. Workers
    on GPUs are new processes, because CUDA does not survive a fork.
    """
    if any(device.on_gpu for device in devices):
        return multiprocessing.get_context("spawn")
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])
    return forks


@dataclass(kw_only=True, slots=True)
class Job:
    """A running run."""

    request: RunRequest
    places: tuple[int, ...]
    """The indices of its devices."""
    workers: list[Worker]
    """One worker per rank."""
    point: MeetingPoint | None
    """The meeting point of the ranks, if the run has several devices."""
    answers: dict[int, Outcome | Broken] = field(default_factory=dict)
    """The answers so far, by rank."""
    failed: float | None = None
    """The time at which a rank failed."""

    @property
    def pending(self) -> list[Worker]:
        return [worker for rank, worker in enumerate(self.workers) if rank not in self.answers]

    @property
    def outcome(self) -> Outcome | Broken:
        return of_ranks(self.answers, 0)

    @property
    def where(self) -> str:
        return " ".join(worker.device.name for worker in self.workers)


class LocalExecutor:
    """Worker processes on this machine: ``runs_per_device`` per device, and at most ``most`` runs at a time.

    ``work`` is the function that a worker calls with a request. ``context`` says how workers are started, by default
    as :func:`context_for` chooses.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        runs_per_device: int = 1,
        most: int | None = None,
        work: Work = work,
        context: Context | None = None,
    ) -> None:
        for name, value in SURROUNDINGS.items():
            os.environ.setdefault(name, value)
        self._devices, self._work = devices, work
        self._context = context or context_for(devices)
        self._stop = self._context.Event()
        self._workers: dict[int, list[Worker]] = defaultdict(list)
        """Workers by the index of their device."""
        self._slots = Slots(len(devices), runs_per_device, most)
        self._jobs: list[Job] = []

    def running(self) -> Mapping[str, str]:
        """As :meth:`harness.launch.executors.executor.Executor.running`."""
        return {job.request.config.run_id: job.where for job in self._jobs}

    def look(self, config: RunConfig, interrupts: Interrupts, watch: Callable[[], None]) -> Seen | None:
        """As :meth:`harness.launch.executors.executor.Executor.look`."""
        worker = self._idle(0)
        worker.call(look, config)
        while not wait(worker.ready, timeout=WATCH_EVERY):
            watch()
        seen: Seen = self._answer(worker, "the first look")
        if config.compute.devices > 1:  # an engine may have created a process group of its own
            self._forget(worker)
        return None if interrupts.asked else seen

    def run(
        self, requests: Sequence[RunRequest], terms: Terms, interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Ended]:
        """As :meth:`harness.launch.executors.executor.Executor.run`."""
        waiting = list(requests)
        while waiting or self._jobs:
            if interrupts.asked:
                self._stop.set()
                waiting.clear()
            self._start(waiting, terms)
            wait([handle for job in self._jobs for worker in job.pending for handle in worker.ready], WATCH_EVERY)
            ended = [job for job in self._jobs if self._has_ended(job)]
            watch()
            for job in ended:
                self._jobs.remove(job)
                self._slots.give_back(job.places)
                yield job.request, job.outcome

    def close(self) -> None:
        """As :meth:`harness.launch.executors.executor.Executor.close`."""
        self._stop.set()
        for worker in self._all():
            worker.end()
        self._workers.clear()

    def kill(self) -> None:
        """As :meth:`harness.launch.executors.executor.Executor.kill`."""
        for worker in self._all():
            worker.kill()
        self._workers.clear()

    def _start(self, waiting: list[RunRequest], terms: Terms) -> None:
        """Start all runs that can start, and remove them from ``waiting``."""
        while waiting and (found := self._slots.next([request.devices for request in waiting])):
            place, devices = found
            request, workers = waiting.pop(place), [self._idle(device) for device in devices]
            point = MeetingPoint(len(devices)) if len(devices) > 1 else None
            self._jobs.append(Job(request=request, places=devices, workers=workers, point=point))
            for worker, environment in zip(workers, point.environments if point else [{}], strict=True):
                worker.call(self._work, request, terms, environment=environment)

    def _has_ended(self, job: Job) -> bool:
        """Read new answers of the job's processes. Returns whether the job has ended."""
        for rank, worker in enumerate(job.workers):
            if rank not in job.answers and wait(worker.ready, timeout=0):
                which = f", rank {rank} of {len(job.workers)}" if len(job.workers) > 1 else ""
                job.answers[rank] = self._answer(worker, job.request.config.run_id + which)
        if job.failed is None and any(isinstance(answer, Broken) for answer in job.answers.values()):
            job.failed = time.monotonic()
        if job.pending and (job.failed is None or time.monotonic() < job.failed + GRACE):
            return False
        if job.failed is not None and len(job.workers) > 1:  # a broken process group cannot be used again
            self._forget_all(job)
        return True

    def _answer(self, worker: Worker, what: str) -> Any:
        try:
            return worker.answer()
        except Exception as error:
            for job in self._jobs:
                if worker in job.workers and len(job.workers) > 1:  # the other ranks would wait for it forever
                    self._forget_all(job)
            if not isinstance(error, Died):
                raise
            self._forget(worker)
            raise HarnessError(
                f"a worker process on {worker.device.name} died during {what} (was it out of memory?); the same "
                "command resumes the runs"
            ) from error

    def _forget_all(self, job: Job) -> None:
        for worker in job.workers:
            self._forget(worker)

    def _idle(self, place: int) -> Worker:
        """An idle process on the device. Starts one if necessary."""
        for worker in self._workers[place]:
            if not worker.busy:
                return self._taken(worker)
        self._workers[place].append(Worker(self._context, self._devices[place], self._stop))
        return self._taken(self._workers[place][-1])

    @staticmethod
    def _taken(worker: Worker) -> Worker:
        worker.busy = True
        return worker

    def _forget(self, worker: Worker) -> None:
        worker.kill()
        for workers in self._workers.values():
            if worker in workers:
                workers.remove(worker)

    def _all(self) -> list[Worker]:
        return [worker for workers in self._workers.values() for worker in workers]
