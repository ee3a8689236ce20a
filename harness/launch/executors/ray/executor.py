"""The executor for a Ray cluster. It uses tasks for runs, gangs of actors for runs on several devices, and the sink."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.config.run_config import RunConfig
from harness.errors import HarnessError, one_line
from harness.launch.executors.executor import WATCH_EVERY, Broken, Ended, RunRequest, Terms
from harness.launch.executors.ray.gang import Lost, conduct
from harness.launch.executors.ray.node import LARGE, Ties, look_here, work
from harness.launch.executors.ray.room import check_room, needs, room_for
from harness.launch.executors.ray.sink import Sink
from harness.launch.executors.ray.storage import check_storage
from harness.launch.interrupts import Interrupts
from harness.training.first_look import Seen
from harness.training.loop import Outcome, ended_before
from harness.training.slots import SLOTS

ASK_EVERY = 1.0
"""Seconds between two requests to the sink. Each request covers all runs."""
WAITING = 8
"""The number of submitted runs beyond the room of the cluster. So no run waits for the driver, and a cluster that can
grow sees the demand."""
LOSSES = 3
"""A run counts as broken if it loses its process or node more often than this in a row without a new checkpoint."""


class RayExecutor:
    """Trains runs on the cluster that this process is connected to.

    ``most``: the largest number of runs at a time; None for as many as fit.

    Raises:
        HarnessError: ``storage`` cannot be written.
    """

    def __init__(self, *, storage: str | None = None, most: int | None = None) -> None:
        if storage is not None:
            check_storage(storage)
        self._most = most
        self._beside = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        remote: Any = ray.remote(num_cpus=0, concurrency_groups={LARGE: 4})  # type: ignore[call-overload]  # its types lack groups
        sink = remote(Sink)
        self._sink = sink.options(scheduling_strategy=self._beside).remote(storage)
        self._ties = Ties(sink=self._sink, storage=storage)
        self._flying: dict[Any, RunRequest] = {}
        self._running: dict[str, str] = {}
        self._losses: dict[str, int] = {}
        self._asked = 0.0

    def running(self) -> Mapping[str, str]:
        """As :meth:`harness.launch.executors.executor.Executor.running`."""
        flying = {request.config.run_id for request in self._flying.values()}
        return {run_id: where for run_id, where in self._running.items() if run_id in flying}

    def look(self, config: RunConfig, interrupts: Interrupts, watch: Callable[[], None]) -> Seen | None:
        """As :meth:`harness.launch.executors.executor.Executor.look`."""
        check_room([config], since=time.monotonic())
        each, begun = needs(config), time.monotonic()
        task: Any = ray.remote(look_here)
        ref = task.options(num_cpus=each["CPU"], num_gpus=each.get("GPU", 0), name="first look").remote(config)
        while not ray.wait([ref], timeout=WATCH_EVERY)[0]:
            watch()
            if interrupts.asked:
                return None
            check_room([config], since=begun)
        try:
            seen: Seen = ray.get(ref)
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            raise HarnessError(
                f"the first look did not finish ({one_line(error)[:200]}); repeat the command"
            ) from error
        return None if interrupts.asked else seen

    def run(
        self, requests: Sequence[RunRequest], terms: Terms, interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Ended]:
        """As :meth:`harness.launch.executors.executor.Executor.run`."""
        waiting: deque[RunRequest] = deque()
        for request in requests:
            if ended := None if terms.fresh else _before(request):
                yield request, ended
            else:
                waiting.append(request)
        directories = {request.config.run_id: request.directory.resolve() for request in waiting}
        ray.get(self._sink.expect.remote(directories, fresh=terms.fresh))
        refusal, stopped, begun = None, False, time.monotonic()
        while waiting or self._flying:
            if not stopped:
                self._launch(waiting, terms)
                if not self._running:
                    check_room([request.config for request in requests], since=begun)
            ready, _ = ray.wait(list(self._flying), timeout=WATCH_EVERY)
            refusal = self._news(at_once=bool(ready)) or refusal
            watch()
            if not stopped and (interrupts.asked or refusal):
                stopped = True
                waiting.clear()
                self._stop()
            for ref in ready:
                request = self._flying.pop(ref)
                outcome = self._outcome(ref, request)
                if isinstance(outcome, Lost) and not stopped:
                    waiting.appendleft(request)
                elif outcome is not None:
                    yield request, "interrupted" if isinstance(outcome, Lost) else outcome
        if refusal:
            raise HarnessError(refusal)

    def close(self) -> None:
        """As :meth:`harness.launch.executors.executor.Executor.close`."""
        if self._flying:
            self._stop()
            ray.wait(list(self._flying), num_returns=len(self._flying))
        self.kill()

    def kill(self) -> None:
        """As :meth:`harness.launch.executors.executor.Executor.kill`. Runs without a sink end by themselves."""
        self._flying.clear()
        ray.kill(self._sink)

    def _launch(self, waiting: deque[RunRequest], terms: Terms) -> None:
        """Submit as many runs as the cluster has room for, and a few more."""
        if not waiting or len(self._flying) >= (self._most or len(self._flying) + 1):
            return
        room = self._most or room_for(waiting[0]) + WAITING
        while waiting and len(self._flying) < room:
            request = waiting.popleft()
            self._flying[self._submit(request, terms)] = request

    def _submit(self, request: RunRequest, terms: Terms) -> Any:
        each, name = needs(request.config), f"{request.config.objective.name} seed {request.config.seed}"
        function: Any = ray.remote(conduct if request.devices > 1 else work)
        if request.devices > 1:
            options = function.options(num_cpus=0, max_retries=0, name=name, scheduling_strategy=self._beside)
            return options.remote(request, terms, self._ties, each)
        options = function.options(num_cpus=each["CPU"], num_gpus=each.get("GPU", 0), max_retries=0, name=name)
        return options.remote(request, terms, self._ties)

    def _news(self, *, at_once: bool) -> str | None:
        """Ask the sink where runs are, if it is time. Returns the reason if no run can go on."""
        if not at_once and time.monotonic() < self._asked + ASK_EVERY:
            return None
        refusal: str | None
        self._running, refusal = self._ask("news")
        self._asked = time.monotonic()
        return refusal

    def _stop(self) -> None:
        """Start no more runs, and let running ones end after their current step.

        Ray would interrupt a cancelled task anywhere. Only tasks that have not started are cancelled, and after the
        sink has stopped these would do nothing.
        """
        begun = set(self._ask("stop"))
        for ref, request in self._flying.items():
            if request.config.run_id not in begun and request.devices == 1:
                ray.cancel(ref)

    def _outcome(self, ref: Any, request: RunRequest) -> Outcome | Broken | Lost | None:
        """How a task ended; None if it was cancelled before it started."""
        run_id = request.config.run_id
        try:
            outcome: Outcome | Broken | Lost = ray.get(ref)
        except TaskCancelledError:
            return None
        except RayTaskError as error:
            if isinstance(error.cause, KeyboardInterrupt):
                return None
            outcome = Broken(run_id=run_id, reason=f"{type(error.cause).__name__}: {one_line(error.cause)[:200]}")
        except RayError as error:  # the process or its node died
            outcome = Lost(type(error).__name__)
        if isinstance(outcome, Lost):
            self._losses[run_id] = 1 if self._ask("lost", run_id) else self._losses.get(run_id, 0) + 1
            if self._losses[run_id] > LOSSES:
                return Broken(
                    run_id=run_id,
                    reason=f"its process or node died {self._losses[run_id]} times in a row ({outcome.reason})",
                )
        return outcome

    def _ask(self, method: str, *given: Any) -> Any:
        try:
            return ray.get(getattr(self._sink, method).remote(*given))
        except RayActorError as error:
            raise HarnessError(
                "the process that writes the directories of the runs died; the same command resumes"
            ) from error


def _before(request: RunRequest) -> Outcome | Broken | None:
    """How the run ended in an earlier command, or why it cannot go on; None if it can run. This needs no node."""
    run_id, directory = request.config.run_id, request.directory
    try:
        ended = ended_before(request.config, directory)
    except HarnessError as error:
        return Broken(run_id=run_id, reason=str(error))
    if ended is None and any((directory / slot).exists() for slot in SLOTS):
        return Broken(
            run_id=run_id,
            reason=f"the checkpoint in {directory} is in several files, which are not sent to nodes; resume it without "
            "--executor ray, or start over with --fresh",
        )
    return ended
