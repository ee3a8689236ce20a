"""Variants of one residual: anchored at the reference or at the behaviour, and centred within the group or not.

All four are ``r - beta (l - anchor_l)`` times the gradient of l. *Centred*: the mean over the other completions of the
group is subtracted from the whole residual, so that only differences between completions count. *Held*: only the mean
reward is subtracted, so that l itself is pulled to the anchor's value.
"""

import math
from collections import deque
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Literal

import torch

from algorithms.ops import k1, leave_one_out_mean, masked_sum, policy_gradient
from algorithms.types import Batch, LossOutput, PolicyOutput
from harness.studies.tabular import lengths
from harness.studies.tabular.convergence import descend
from harness.studies.tabular.leak import FARTHEST, LAG, LARGEST_GRADIENT, LEARNING_RATE, UPDATES
from harness.studies.tabular.problems import BEHAVIOURS, BETA, Problems
from harness.studies.tabular.summary import interval, rounded

Row = dict[str, Any]
Anchor = Literal["reference", "behaviour"]
STALE = BEHAVIOURS.index("stale")


@dataclass(frozen=True, kw_only=True)
class Residual:
    """One of the four variants."""

    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "old_logp", "group"})

    beta: float
    anchor: Anchor
    centred: bool

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch."""
        anchor = batch.ref_logp if self.anchor == "reference" else batch.old_logp
        assert anchor is not None
        pull = self.beta * k1(policy.logp.detach(), anchor, batch.mask)
        if self.centred:
            pull = pull - leave_one_out_mean(pull, batch.group)
        advantages = batch.rewards - leave_one_out_mean(batch.rewards, batch.group) - pull
        loss = policy_gradient(advantages, masked_sum(policy.logp, batch.mask), batch.denominators.sequences)
        return LossOutput(loss=loss)


ALSO_CALLED = {
    ("reference", True): "agro, rloo, tba",
    ("reference", False): "reinforce with k2",
    ("behaviour", True): "like rebel",
    ("behaviour", False): "like pmd and oapl",
}


def level_rows(problems: Problems) -> list[Row]:
    """The four variants on stale data: an unrestricted policy, and the one of :mod:`.lengths`, both exact."""
    combinations: list[tuple[Anchor, bool]] = list(product(("reference", "behaviour"), (True, False)))
    return [_row(anchor, centred, problems) for anchor, centred in combinations]


def _row(anchor: Anchor, centred: bool, problems: Problems) -> Row:
    free = descend(Residual(beta=BETA, anchor=anchor, centred=centred), problems).distance[-1, STALE]
    path = follow(anchor, centred)
    accuracy, least = lengths.right(path), lengths.distance(torch.tensor([lengths.best()], dtype=path.dtype))
    return {
        "anchor": anchor,
        "centred": centred,
        "also": ALSO_CALLED[anchor, centred],
        "free_kl": interval(free),
        "kl": rounded((lengths.distance(path[-1:]) - least).item()),
        "accuracy": rounded(accuracy[-1].item()),
        "lowest": rounded(accuracy[len(accuracy) // 2 :].min().item()),
    }


def follow(anchor: Anchor, centred: bool, updates: int = UPDATES) -> torch.Tensor:
    """[updates + 1] theta on stale data, along the expected gradient over all completions, without sampling noise."""
    path = [0.0]
    past = deque(path, maxlen=LAG + 1)
    for _ in range(updates):
        gradient = expected_gradient(path[-1], past[0], anchor, centred)
        move = LEARNING_RATE * max(-LARGEST_GRADIENT, min(LARGEST_GRADIENT, gradient))
        path.append(path[-1] if path[-1] >= FARTHEST else path[-1] - move)
        past.append(path[-1])
    return torch.tensor(path, dtype=torch.float64)


def expected_gradient(theta: float, mu: float, anchor: Anchor, centred: bool, beta: float = lengths.BETA) -> float:
    """The expected gradient of the loss with respect to theta, over all groups that the policy ``mu`` draws.

    Under mu, N is Poisson with mean m. The rewards contribute ``-Cov(r, N)``. The log-ratio to the anchor is
    ``(theta - a) N - (exp theta - exp a)``, so its product with ``N - exp theta`` needs two moments of N.
    """
    right = torch.tensor([lengths.RIGHT], dtype=torch.float64)
    chances = lengths.log_prob(torch.tensor([mu], dtype=torch.float64), right).exp()
    now, mean = math.exp(theta), math.exp(mu)
    by_reward = float((chances * (right - mean)).sum())
    at = 0.0 if anchor == "reference" else mu
    pull = (theta - at) * mean  # the covariance of log-ratio and N, whose variance is its mean
    if not centred:
        log_ratio = (theta - at) * mean - (now - math.exp(at))
        pull += log_ratio * (mean - now)  # and the product of their means
    return -(by_reward - beta * pull)
