"""Random problems that are small enough to enumerate, and the policies that their completions can come from.

N  prompts; each is a problem of its own with its own rewards and reference
K  completions per prompt; a policy is a table [N, K] of log-probabilities, in nats
"""

from dataclasses import dataclass

import torch
from torch import Tensor

K = 4
BETA = 0.5
"""Strength of the KL regulariser, in reward per nat."""
BEHAVIOURS = ("reference", "uniform", "mixture", "stale", "on-policy")
"""The sources of completions. "mixture" is half reference and half policy; "stale" is an earlier policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problems:
    """Bandits with K arms: the reward table and the reference policy of each prompt."""

    rewards: Tensor
    """[N, K] float64"""
    ref: Tensor
    """[N, K] log-probabilities"""
    detour: Tensor
    """[N, K] standard normal logits: the direction in which a policy in training deviates"""

    def optimum(self) -> Tensor:
        """[N, K] the optimal policy ``pi*``, proportional to ``ref exp(r / beta)``."""
        return self.towards_optimum(1.0)

    def towards_optimum(self, share: float, detour: float = 0.0) -> Tensor:
        """[N, K] ``ref exp(share r / beta + detour * self.detour)``: the path from reference to optimum, if no detour.

        Without detour this is the path of natural gradient ascent. On it, ``log pi - log ref`` is proportional to the
        rewards, so even a gradient without a KL term points in the right direction. Off the path it does not.
        """
        return (self.ref + share * self.rewards / BETA + detour * self.detour).log_softmax(-1)

    def distance(self, log_policy: Tensor) -> Tensor:
        """``KL(policy || pi*)`` in nats: [..., N, K] -> [..., N]."""
        return (log_policy.exp() * (log_policy - self.optimum())).sum(-1).clamp(min=0)  # rounding can make it negative

    def loss_gradient(self, log_policy: Tensor) -> Tensor:
        """[N, K] gradient of ``-J = -(E_pi[r] - beta KL(pi || ref))`` with respect to the logits."""
        regularised = self.rewards - BETA * (log_policy - self.ref)
        policy = log_policy.exp()
        return -policy * (regularised - (policy * regularised).sum(-1, keepdim=True))


def random_problems(prompts: int, seed: int) -> Problems:
    """Problems with standard normal rewards, and a softmax of standard normal logits as reference."""
    generator = torch.Generator().manual_seed(seed)
    rewards, logits, detour = torch.randn(3, prompts, K, generator=generator, dtype=torch.float64)
    return Problems(rewards=rewards, ref=logits.log_softmax(-1), detour=detour)


def behaviour(name: str, ref: Tensor, policy: Tensor, earlier: Tensor) -> Tensor:
    """[N, K] log-probabilities of one of the ``BEHAVIOURS``, detached; ``earlier`` is the stale policy."""
    match name:
        case "reference":
            chosen = ref
        case "uniform":
            chosen = torch.zeros_like(ref).log_softmax(-1)
        case "mixture":
            chosen = torch.logaddexp(ref, policy) - torch.tensor(2.0, dtype=ref.dtype).log()
        case "stale":
            chosen = earlier
        case "on-policy":
            chosen = policy
        case _:
            raise ValueError(f"there is no behaviour {name!r}; choose from {', '.join(BEHAVIOURS)}")
    return chosen.detach()


def on_grid(log_probs: Tensor, parts: int) -> Tensor:
    """The distributions [N, K], rounded to multiples of ``1 / parts``, with at least one part per completion.

    Then a group of ``parts`` completions can hold each completion in exact proportion to its probability.
    """
    wanted = log_probs.exp() * (parts - K)
    whole = wanted.floor()
    missing = parts - K - whole.sum(-1, keepdim=True)  # parts still to give, to the largest remainders
    rank = (whole - wanted).argsort(dim=-1, stable=True).argsort(dim=-1)
    return ((1 + whole + (rank < missing)) / parts).log()
