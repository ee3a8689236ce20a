"""One run on several devices: a gang of processes, one per device. Each process calls :func:`run_rank`.

The executors start these processes. You can also start them manually, on one machine or on several (with torchrun's
``--nnodes`` and related options):

    torchrun --nproc-per-node 2 -m harness.launch.gang --suite tiny-arithmetic --algos agro --seed 0 --out runs
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from evaluators.plugins import PluginError
from evaluators.types import TaskError
from harness.config.arguments import changes_of, names_of, parse_budget
from harness.errors import HarnessError
from harness.launch.devices import VISIBLE
from harness.launch.executors.executor import RunRequest, Terms
from harness.launch.plan import plan
from harness.records.out_dir import OutDir
from harness.training.loop import Outcome, train
from harness.world import ALONE, LostRanks, Ranks, World, of_a_collective

ENVIRONMENT = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""The variables that say which rank this process is, and where the ranks connect."""
STARTED_ELSEWHERE = "TORCHELASTIC_USE_AGENT_STORE"
"""If it is ``True``, no rank starts the store in which all of them meet: the process that started them has done so."""
PATIENCE = timedelta(minutes=30)
"""The timeout for a rank that hangs. It is long, because a rank may load a model or write a checkpoint. The death of a
rank is noticed at once: if NCCL does not report it, the executor or torchrun ends the other ranks."""
CODES: dict[Outcome, int] = {"finished": 0, "failed": 1, "interrupted": 130}
"""The exit codes of a rank that was started manually."""


class MeetingPoint:
    """A store in which the ranks of a gang find each other. This process keeps it until they have ended.

    The store takes a free port when it begins to listen. So no other process can take the port before the ranks
    use it.
    """

    def __init__(self, size: int, host: str = "127.0.0.1", *, one_gpu: bool = False) -> None:
        """``host`` is an address of this machine that all ranks reach; the default is for ranks on this machine.

        ``one_gpu``: each rank sees only its own GPU, as the first one.
        """
        self._store = dist.TCPStore(host, 0, is_master=True, wait_for_workers=False)  # type: ignore[attr-defined]
        shared = {
            "WORLD_SIZE": str(size),
            "MASTER_ADDR": host,
            "MASTER_PORT": str(self._store.port),
            STARTED_ELSEWHERE: str(True),
        }
        self.environments = [
            shared | {"RANK": str(rank), "LOCAL_RANK": "0" if one_gpu else str(rank)} for rank in range(size)
        ]
        """The variables in :data:`ENVIRONMENT` for each rank."""


def train_request(request: RunRequest, terms: Terms, should_stop: Callable[[], bool], world: World = ALONE) -> Outcome:
    """Train a run in this process, which is one rank of ``world``, until it ends.

    Raises:
        HarnessError: the run cannot be opened.
    """
    return train(
        request.config,
        request.directory,
        terms.invocation,
        fresh=terms.fresh,
        profiled=terms.profiled,
        should_stop=should_stop,
        world=world,
    )


def run_rank(request: RunRequest, terms: Terms, should_stop: Callable[[], bool]) -> Outcome:
    """Join the other ranks and train this rank's part of a run. The outcome is the same on all ranks.

    Raises:
        HarnessError: the run cannot be opened, or another rank has ended.
    """
    with meeting(request.config.model.device) as world:
        try:
            return train_request(request, terms, should_stop, world)
        except RuntimeError as error:
            if not of_a_collective(error):
                raise
            said = str(error).splitlines()[0][:200]
            raise LostRanks(f"rank {world.rank} lost its connection to the other ranks of its run ({said})") from error


@contextmanager
def meeting(device: str) -> Iterator[Ranks]:
    """The process group of a gang, as given by the environment.

    It must be created before an engine, because engines create process groups of their own.

    Raises:
        HarnessError: the environment is incomplete, this rank does not see exactly one GPU, or other ranks did not
            connect.
    """
    check_environment()
    rank, size = os.environ["RANK"], int(os.environ["WORLD_SIZE"])
    if device == "cuda":
        if torch.cuda.device_count() != 1:
            raise HarnessError(f"rank {rank} sees {torch.cuda.device_count()} GPUs; give each rank one with {VISIBLE}")
        os.environ["LOCAL_RANK"] = "0"  # libraries use it as the number of a GPU, and this rank sees only one
    assert not dist.is_initialized(), "another process group exists, and sums would be over that one"
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    except RuntimeError as error:
        raise LostRanks(
            f"rank {rank} could not connect to the other ranks of its run ({str(error).splitlines()[0]})"
        ) from error
    try:
        world = Ranks()
        assert world.size == size, "the process group and the gang differ in size"
        yield world
    except BaseException:
        if device != "cuda":  # with NCCL this would deadlock; its groups end with their processes
            dist.destroy_process_group()
        raise
    dist.destroy_process_group()


def check_environment() -> None:
    """Refuse a process that is not a rank of a gang.

    Raises:
        HarnessError: a variable of :data:`ENVIRONMENT` is not set.
    """
    if missing := [name for name in ENVIRONMENT if name not in os.environ]:
        raise HarnessError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set, so this process is not part of a "
            "gang; start it with torchrun --nproc-per-node N -m harness.launch.gang"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one rank that was started manually, and return its exit code."""
    given = _parser().parse_args(arguments)
    rank = os.environ.get("RANK", "0")
    try:
        check_environment()
        pin()
        return CODES[_run(given)]
    except (HarnessError, TaskError, PluginError) as error:
        if rank == "0":
            print(f"harness: {error}", file=sys.stderr)
        elif not isinstance(error, LostRanks):  # the lost rank itself, or torchrun, reports this error
            print(f"harness: rank {rank}: {error}", file=sys.stderr)
        return 2


def _run(given: argparse.Namespace) -> Outcome:
    changes = changes_of(given.set, given.model, given.data, given.engine, given.task)
    changes += [("budget", parse_budget(given.budget))] if given.budget else []
    changes += [("compute.devices", int(os.environ["WORLD_SIZE"]))]
    arms = names_of(given.algos)
    if len(arms) != 1:
        raise HarnessError(f"a gang trains one run, but --algos names {len(arms)} arms; start one gang for each")
    planned = plan(given.suite, changes, arms, [given.seed], [given.regime] if given.regime else [])
    (config,) = planned.runs
    request = RunRequest(config=config, directory=OutDir(given.out).run_of(config), devices=config.compute.devices)
    terms = Terms(invocation=planned.invocation, fresh=given.fresh, profiled=given.profile)
    outcome = run_rank(request, terms, _asked())
    if os.environ["RANK"] == "0":
        resumed = "; the same command resumes" if outcome == "interrupted" else ""
        print(f"{config.run_id}: {outcome}{resumed}; its directory is {request.directory}")
    return outcome


def _asked() -> Callable[[], bool]:
    """A function that says whether this process was asked to stop, by Ctrl-C, torchrun or a scheduler.

    The process then finishes its current step.
    """
    heard: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: heard.append(number))
    return lambda: bool(heard)


def pin() -> None:
    """Give each rank one GPU before CUDA starts. Otherwise an engine in this process could use another rank's GPU."""
    place, chosen = int(os.environ["LOCAL_RANK"]), os.environ.get(VISIBLE)
    if chosen is None:
        os.environ[VISIBLE] = str(place)
        return
    seen = [entry.strip() for entry in chosen.split(",")]
    if len(seen) == 1:  # the GPU of this rank, or "" to hide all GPUs
        return
    if place >= len(seen):
        raise HarnessError(f"{VISIBLE}={chosen} has no GPU for the rank with LOCAL_RANK={place}; name more GPUs")
    os.environ[VISIBLE] = seen[place]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="torchrun --nproc-per-node N -m harness.launch.gang", description="One run over N devices."
    )
    parser.add_argument("--algos", required=True, help="the arm; name your own objective as my_module:MyObjective")
    parser.add_argument("--suite", default="tiny-arithmetic", help="a suite's name, or the path of its YAML file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regime")
    parser.add_argument("--budget", help="UNIT=TOTAL")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="change a setting of the suite; repeatable")
    for name in ("engine", "model", "task", "data"):
        parser.add_argument(f"--{name}", help="as in harness run")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--fresh", action="store_true", help="start again instead of resuming")
    parser.add_argument("--profile", action="store_true", help="also write a trace of rank 0's time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
