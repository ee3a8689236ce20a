"""The choice of the executor for the runs of a command, and its lifetime."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.config.run_config import RunConfig
from harness.launch.execution import Execution
from harness.launch.executors.executor import Executor
from harness.launch.executors.local import LocalExecutor
from harness.launch.executors.ray.connecting import RayChoice, connect
from harness.launch.executors.ray.storage import check_sizes
from harness.launch.places import places_of
from harness.launch.plan import Plan
from harness.terminal import Terminal


@contextmanager
def running(make: Callable[[], Executor]) -> Iterator[Executor]:
    """A context with an open executor. A second Ctrl-C ends its processes immediately."""
    executor = make()
    try:
        yield executor
    except KeyboardInterrupt:
        executor.kill()
        raise
    finally:
        executor.close()


def executor_of(
    planned: Plan, chosen: Sequence[RunConfig], how: Execution, console: Terminal
) -> Callable[[], Executor]:
    """A function that opens the executor. Prints where runs will be trained, and the choices for this machine."""
    where, remarks, make = _on_ray(how.ray, chosen, how) if how.ray else _here(chosen, how)
    suite, part = planned.suite, f"part {how.part} of " if how.part else ""
    runs = f"{len(chosen)} run{'s' * (len(chosen) > 1)}"
    console.say(
        f"{part}{planned.invocation.name} of {suite.name}: {runs}, {suite.budget.total:,.0f} "
        f"{suite.budget.unit.replace('_', ' ')} each, {where}"
    )
    for line in (*remarks, *planned.choices):
        console.say(line)
    return make


Opened = tuple[str, tuple[str, ...], Callable[[], Executor]]
"""The number of runs at a time in words, remarks, and a function that makes the executor."""


def _here(chosen: Sequence[RunConfig], how: Execution) -> Opened:
    places = places_of(
        chosen,
        devices=how.devices,
        runs_per_device=how.runs_per_device,
        workers=how.workers,
        forecaster=how.forecaster,
    )

    def make() -> Executor:
        return LocalExecutor(places.devices, runs_per_device=places.runs_per_device, most=places.at_once)

    return f"{places.at_once} at a time", places.remarks, make


def _on_ray(choice: RayChoice, chosen: Sequence[RunConfig], how: Execution) -> Opened:
    if choice.storage is None:
        check_sizes(chosen)
    connect(choice.address, [config.objective.objective for config in chosen])

    def make() -> Executor:
        from harness.launch.executors.ray.executor import RayExecutor  # imports ray, which may not be installed

        return RayExecutor(storage=choice.storage, most=how.workers)

    return f"{how.workers} at a time on Ray" if how.workers else "as many at a time as fit on Ray", (), make
