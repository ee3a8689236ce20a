"""One run over several devices: a gang of processes, one a device, each of which calls :func:`run_rank`.

The executors start them. By hand, on one machine or on several (then with torchrun's ``--nnodes`` and its like):

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
"""What says where the ranks meet, and which one this is."""
STARTED_ELSEWHERE = "TORCHELASTIC_USE_AGENT_STORE"
"""If it is ``True``, no rank starts the store in which all of them meet: the process that started them has done so."""
PATIENCE = timedelta(minutes=30)
"""For a rank that neither answers nor has died: it may be loading a model or writing a checkpoint. One that has died is
noticed at once. If NCCL does not say so, whoever started the ranks ends them: an executor, or torchrun."""
CODES: dict[Outcome, int] = {"finished": 0, "failed": 1, "interrupted": 130}
"""Exit codes of a rank that was started by hand."""


class MeetingPoint:
    """Where the ranks of a gang find each other: a store in this process, which keeps it until they have ended.

    The store takes a port that is free as it begins to listen. So no other process can take the port before the ranks
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
        """What each rank finds in its environment, as :data:`ENVIRONMENT` names it."""


def train_request(request: RunRequest, terms: Terms, should_stop: Callable[[], bool], world: World = ALONE) -> Outcome:
    """Carry a requested run to its end in this process, which is a rank of ``world``.

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
    """This rank's part of a run; it meets the others at ``env://``. The outcome is the same on all ranks.

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
            raise LostRanks(f"rank {world.rank} has lost the other ranks of its run ({said})") from error


@contextmanager
def meeting(device: str) -> Iterator[Ranks]:
    """The world of this process, met as its environment says; before any engine, which would start a group of its own.

    Raises:
        HarnessError: the environment does not say; or this rank sees several GPUs, or none; or nobody came.
    """
    check_environment()
    rank, size = os.environ["RANK"], int(os.environ["WORLD_SIZE"])
    if device == "cuda":
        if torch.cuda.device_count() != 1:
            raise HarnessError(f"rank {rank} sees {torch.cuda.device_count()} GPUs; give each rank one, by {VISIBLE}")
        os.environ["LOCAL_RANK"] = "0"  # libraries take it for the number of a GPU, and this rank sees one
    assert not dist.is_initialized(), "another group was there before, and sums would be of that one"
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    except RuntimeError as error:
        raise LostRanks(f"rank {rank} has not met the other ranks of its run ({str(error).splitlines()[0]})") from error
    try:
        world = Ranks()
        assert world.size == size, "the group has another size than the gang"
        yield world
    except BaseException:
        if device != "cuda":  # NCCL would wait for ranks that wait for this one: they end with their processes
            dist.destroy_process_group()
        raise
    dist.destroy_process_group()


def check_environment() -> None:
    """Refuse to be no rank of a gang.

    Raises:
        HarnessError: the environment does not say which.
    """
    if missing := [name for name in ENVIRONMENT if name not in os.environ]:
        raise HarnessError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set, so this process does not know its "
            "gang; start it with torchrun --nproc-per-node N -m harness.launch.gang"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one rank that was started by hand; its exit code."""
    given = _parser().parse_args(arguments)
    rank = os.environ.get("RANK", "0")
    try:
        check_environment()
        pin()
        return CODES[_run(given)]
    except (HarnessError, TaskError, PluginError) as error:
        if rank == "0":
            print(f"harness: {error}", file=sys.stderr)
        elif not isinstance(error, LostRanks):  # the one that is lost has said so, or torchrun does
            print(f"harness: rank {rank}: {error}", file=sys.stderr)
        return 2


def _run(given: argparse.Namespace) -> Outcome:
    changes = changes_of(given.set, given.model, given.data, given.engine, given.task)
    changes += [("budget", parse_budget(given.budget))] if given.budget else []
    changes += [("compute.devices", int(os.environ["WORLD_SIZE"]))]
    arms = names_of(given.algos)
    if len(arms) != 1:
        raise HarnessError(f"a gang carries one run, and --algos names {len(arms)} arms; start it for each of them")
    planned = plan(given.suite, changes, arms, [given.seed], [given.regime] if given.regime else [])
    (config,) = planned.runs
    request = RunRequest(config=config, directory=OutDir(given.out).run_of(config), devices=config.compute.devices)
    terms = Terms(invocation=planned.invocation, fresh=given.fresh, profiled=given.profile)
    outcome = run_rank(request, terms, _asked())
    if os.environ["RANK"] == "0":
        resumed = "; the same command resumes" if outcome == "interrupted" else ""
        print(f"{config.run_id}: {outcome}{resumed}; it lies in {request.directory}")
    return outcome


def _asked() -> Callable[[], bool]:
    """Whether Ctrl-C, torchrun or a scheduler has asked this process to end: it finishes its step."""
    heard: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: heard.append(number))
    return lambda: bool(heard)


def pin() -> None:
    """One GPU a rank, before CUDA starts: an engine in this process would take another rank's."""
    place, chosen = int(os.environ["LOCAL_RANK"]), os.environ.get(VISIBLE)
    if chosen is None:
        os.environ[VISIBLE] = str(place)
        return
    seen = [entry.strip() for entry in chosen.split(",")]
    if len(seen) == 1:  # this rank's own; or "", which hides them all
        return
    if place >= len(seen):
        raise HarnessError(f"{VISIBLE}={chosen} leaves no GPU for the rank with LOCAL_RANK={place}; name more of them")
    os.environ[VISIBLE] = seen[place]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="torchrun --nproc-per-node N -m harness.launch.gang", description="One run over N devices."
    )
    parser.add_argument("--algos", required=True, help="the arm; one's own objective as my_module:MyObjective")
    parser.add_argument("--suite", default="tiny-arithmetic", help="a suite's name, or the path of its YAML file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regime")
    parser.add_argument("--budget", help="UNIT=TOTAL")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="of the suite; repeatable")
    for name in ("engine", "model", "task", "data"):
        parser.add_argument(f"--{name}", help="as harness run")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--fresh", action="store_true", help="forget what this run has done before")
    parser.add_argument("--profile", action="store_true", help="also write a trace of rank 0's time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
