"""One run over several devices: a gang of processes, one a device, each of which runs this.

By hand, on one machine or on several (then with torchrun's ``--nnodes`` and ``--rdzv-endpoint``):

    torchrun --nproc-per-node 2 -m harness.launch.gang --suite tiny-arithmetic --algos agro --seed 0 --out runs
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist

from harness.errors import HarnessError
from harness.launch.executors.executor import RunRequest, Terms
from harness.training.loop import Outcome, train
from harness.world import Ranks

ENVIRONMENT = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What says where the ranks meet, and which one this is."""
PATIENCE = timedelta(minutes=30)
"""For a rank that neither answers nor has died. One that has is noticed at once."""


def run_rank(request: RunRequest, terms: Terms, should_stop: Callable[[], bool]) -> Outcome:
    """This rank's part of a run; it meets the others at ``env://``. The outcome is the same on all ranks.

    Raises:
        HarnessError: the run cannot be opened, or another rank has ended.
    """
    with ranks(request.config.model.device) as world:
        return train(
            request.config,
            request.directory,
            terms.invocation,
            fresh=terms.fresh,
            profiled=terms.profiled,
            should_stop=should_stop,
            world=world,
        )


@contextmanager
def ranks(device: str) -> Iterator[Ranks]:
    """The world of this process, met as its environment says; before any engine, which would start a group of its own.

    Raises:
        HarnessError: the environment does not say; or this rank sees several GPUs, or none.
    """
    if missing := [name for name in ENVIRONMENT if name not in os.environ]:
        raise HarnessError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set, so this process does not know its "
            "gang; start it with torchrun --nproc-per-node N -m harness.launch.gang"
        )
    if device == "cuda" and torch.cuda.device_count() != 1:
        raise HarnessError(
            f"rank {os.environ['RANK']} sees {torch.cuda.device_count()} GPUs; give each rank one, by "
            "CUDA_VISIBLE_DEVICES"
        )
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    try:
        world = Ranks()
        assert world.size == int(os.environ["WORLD_SIZE"]), "another group was there before"
        yield world
    finally:
        dist.destroy_process_group()
