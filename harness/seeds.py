"""Random seeds. Each use derives its own seed from the seed of the run.

So a resume needs no generator state, and an objective cannot change the random numbers of other uses.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Purpose(IntEnum):
    """The purpose of a seed. These numbers enter every derived seed, so never reuse or renumber them."""

    SHUFFLE = 0
    ROLLOUT = 1
    VALIDATION = 2
    TEST = 3
    REPLAY = 4
    MINIBATCH = 5
    DRAWS = 6
    RANDOM_REWARD = 7
    OFFLINE = 8
    LOOK = 9
    REFERENCE_SAMPLES = 10


def derive_seed(run_seed: int, purpose: Purpose, step: int) -> int:
    """A 63-bit seed, the same for every objective."""
    state = np.random.SeedSequence([run_seed, purpose, step]).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


class ProblemOrder(Generic[T]):
    """The order in which a run sees its problems: one permutation per epoch, which only depends on the seed."""

    def __init__(self, problems: Sequence[T], seed: int) -> None:
        self._problems = problems
        self._seed = seed
        self._epochs: dict[int, list[int]] = {}

    def take(self, start: int, count: int) -> list[T]:
        """Problems ``start`` to ``start + count`` of the infinite sequence."""
        return [self._at(i) for i in range(start, start + count)]

    def _at(self, index: int) -> T:
        epoch, place = divmod(index, len(self._problems))
        if epoch not in self._epochs:
            seed = derive_seed(self._seed, Purpose.SHUFFLE, epoch)
            self._epochs = {epoch: np.random.default_rng(seed).permutation(len(self._problems)).tolist()}
        return self._problems[self._epochs[epoch][place]]
