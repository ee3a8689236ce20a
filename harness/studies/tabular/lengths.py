"""A policy with one parameter over infinitely many completions. Every sum over all completions has a closed form.

A completion has n = 0, 1, 2, ... steps. It is right if n is 2, 3 or 4, and wrong otherwise. The policy is log-linear in
n, ``pi(n) ∝ ref(n) exp(theta n)``. The reference is a Poisson distribution with mean 1, so the policy is one with mean
``exp(theta)``. To be right more often, the policy must write more steps, and so also more very long completions.

S  policies in parallel
B  completions of each
"""

import math

import torch
from scipy import optimize
from torch import Tensor

RIGHT = (2, 3, 4)
"""The numbers of steps that are rewarded."""
UNSEEN_FROM = 7
"""The reference writes fewer than one in ten thousand completions with at least this many steps. All are wrong."""
BETA = 0.05
"""Strength of the KL regulariser, in reward per nat. The suites of language models use the same."""


def rewards(steps: Tensor) -> Tensor:
    """1 if a completion with this number of steps is right, else 0. Same shape as ``steps``."""
    return ((steps >= RIGHT[0]) & (steps <= RIGHT[-1])).to(steps.dtype)


def log_prob(theta: Tensor, steps: Tensor) -> Tensor:
    """[S, B] in nats: theta [S], steps [S, B]."""
    return steps * theta[:, None] - theta.exp()[:, None] - torch.lgamma(steps + 1)


def score(theta: Tensor, steps: Tensor) -> Tensor:
    """[S, B] the derivative of :func:`log_prob` with respect to theta."""
    return steps - theta.exp()[:, None]


def draw(theta: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[S, count] numbers of steps of completions that each policy draws."""
    return torch.poisson(theta.exp()[:, None].expand(-1, count), generator=generator)


def drift(theta: Tensor, behaviour: Tensor) -> Tensor:
    """[S] mean of ``log pi - log ref`` over completions of the behaviour, in nats; both [S]."""
    return theta * behaviour.exp() - theta.exp() + 1


def right(theta: Tensor) -> Tensor:
    """[S] the probability of rewarded completions, which is the accuracy."""
    steps = torch.tensor(RIGHT, dtype=theta.dtype).expand(len(theta), -1)
    return log_prob(theta, steps).exp().sum(-1)


def unseen(theta: Tensor) -> Tensor:
    """[S] the probability of completions that the reference almost never writes."""
    found: Tensor = torch.special.gammainc(torch.full_like(theta, UNSEEN_FROM), theta.exp())
    return found


def return_of(theta: Tensor, beta: float = BETA) -> Tensor:
    """[S] ``J = E[r] - beta KL(pi || ref)``."""
    return right(theta) - beta * (theta * theta.exp() - theta.exp() + 1)


def distance(theta: Tensor, beta: float = BETA) -> Tensor:
    """[S] ``KL(pi || pi*)`` in nats. It is never 0, because ``pi* ∝ ref exp(r / beta)`` is not in this family."""
    start = float(right(torch.zeros(1, dtype=theta.dtype)))
    return math.log1p(start * math.expm1(1 / beta)) - return_of(theta, beta) / beta


def agro_rest(beta: float = BETA) -> float:
    """The theta at which AGRO's expected gradient is 0 on completions of the reference.

    Up to a constant, the regularised reward is ``r - beta theta n``. So AGRO fits a line to the rewards, with a slope
    of the covariance of reward and steps over the variance of the steps, which is 1.
    """
    steps = torch.tensor([RIGHT], dtype=torch.float64)
    chances = log_prob(torch.zeros(1, dtype=torch.float64), steps).exp()
    return float((chances * (steps - 1)).sum()) / beta


def best(beta: float = BETA) -> float:
    """The theta with the highest return."""

    def cost(theta: float) -> float:
        return -float(return_of(torch.tensor([theta], dtype=torch.float64), beta))

    return float(optimize.minimize_scalar(cost, bounds=(-1, 3), method="bounded", options={"xatol": 1e-10}).x)
