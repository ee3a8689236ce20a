"""Random problems small enough to enumerate, and the policies their completions can come from.

N  prompts, each a problem of its own: rewards and reference differ, and nothing is shared
K  completions of a prompt; a policy is a table [N, K] of log-probabilities, in nats
"""

from dataclasses import dataclass

import torch
from torch import Tensor

K = 4
BETA = 0.5
"""Strength of the KL regulariser, in reward per nat."""
BEHAVIOURS = ("reference", "uniform", "mixture", "stale", "on-policy")
"""Where completions come from. "mixture" is half reference, half policy; "stale" an earlier policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problems:
    """Bandits with K arms: a prompt's reward table and its reference policy."""

    rewards: Tensor
    """[N, K] float64"""
    ref: Tensor
    """[N, K] log-probabilities"""
    detour: Tensor
    """[N, K] standard normal logits: a direction in which a policy in training has strayed"""

    def optimum(self) -> Tensor:
        """[N, K] ``pi*``, proportional to ``ref exp(r / beta)``."""
        return self.towards_optimum(1.0)

    def towards_optimum(self, share: float, detour: float = 0.0) -> Tensor:
        """[N, K] ``ref exp(share r / beta + detour * self.detour)``: without detour, from reference to optimum.

        That straight path is the one of natural gradient ascent. On it ``log pi - log ref`` is proportional
        to the rewards, so that a gradient without any KL points the right way there, and nowhere else.
        """
        return (self.ref + share * self.rewards / BETA + detour * self.detour).log_softmax(-1)

    def distance(self, log_policy: Tensor) -> Tensor:
        """``KL(policy || pi*)`` in nats: [..., N, K] -> [..., N]."""
        return (log_policy.exp() * (log_policy - self.optimum())).sum(-1).clamp(min=0)  # rounding below 0

    def loss_gradient(self, log_policy: Tensor) -> Tensor:
        """[N, K] gradient of ``-J = -(E_pi[r] - beta KL(pi || ref))`` by the logits."""
        regularised = self.rewards - BETA * (log_policy - self.ref)
        policy = log_policy.exp()
        return -policy * (regularised - (policy * regularised).sum(-1, keepdim=True))


def random_problems(prompts: int, seed: int) -> Problems:
    """Standard normal rewards; the reference a softmax of standard normal logits."""
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
            raise ValueError(f"no behaviour {name!r}; there are {', '.join(BEHAVIOURS)}.")
    return chosen.detach()


def on_grid(log_probs: Tensor, parts: int) -> Tensor:
    """The distributions [N, K] rounded to multiples of ``1 / parts``, no completion below one part.

    Then a group of ``parts`` completions can hold each exactly as often as its probability says.
    """
    wanted = log_probs.exp() * (parts - K)
    whole = wanted.floor()
    missing = parts - K - whole.sum(-1, keepdim=True)  # parts still to give, to the largest remainders
    rank = (whole - wanted).argsort(dim=-1, stable=True).argsort(dim=-1)
    return ((1 + whole + (rank < missing)) / parts).log()
