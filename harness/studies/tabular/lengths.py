"""A policy of one parameter over infinitely many completions: every sum over all of them has a closed form.

A completion has n = 0, 1, 2, ... steps. Those of 2, 3 or 4 are right, all others are wrong. The policy is log-linear in
n, ``pi(n) ∝ ref(n) exp(theta n)``, and the reference is Poisson with mean 1, so that the policy is Poisson with mean
``exp(theta)``. To be right more often it must write more steps, whatever they lead to.

S  policies side by side
B  completions of each
"""

import math

import torch
from scipy import optimize
from torch import Tensor

RIGHT = (2, 3, 4)
"""Steps of the completions that are rewarded."""
UNSEEN_FROM = 7
"""Steps from which the reference writes less than one completion in ten thousand; all of them are wrong."""
BETA = 0.05
"""Strength of the KL regulariser, in reward per nat: that of the language models' suites."""


def rewards(steps: Tensor) -> Tensor:
    """1 where a completion of so many steps is right, else 0; of the same shape."""
    return ((steps >= RIGHT[0]) & (steps <= RIGHT[-1])).to(steps.dtype)


def log_prob(theta: Tensor, steps: Tensor) -> Tensor:
    """[S, B] in nats: theta [S], steps [S, B]."""
    return steps * theta[:, None] - theta.exp()[:, None] - torch.lgamma(steps + 1)


def score(theta: Tensor, steps: Tensor) -> Tensor:
    """[S, B] the derivative of :func:`log_prob` by theta."""
    return steps - theta.exp()[:, None]


def draw(theta: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[S, count] steps of completions of each policy."""
    return torch.poisson(theta.exp()[:, None].expand(-1, count), generator=generator)


def drift(theta: Tensor, behaviour: Tensor) -> Tensor:
    """[S] mean of ``log pi - log ref`` over completions of the behaviour, in nats; both [S]."""
    return theta * behaviour.exp() - theta.exp() + 1


def right(theta: Tensor) -> Tensor:
    """[S] the policy's mass on rewarded completions: its accuracy."""
    steps = torch.tensor(RIGHT, dtype=theta.dtype).expand(len(theta), -1)
    return log_prob(theta, steps).exp().sum(-1)


def unseen(theta: Tensor) -> Tensor:
    """[S] the policy's mass on completions that the reference all but never writes."""
    found: Tensor = torch.special.gammainc(torch.full_like(theta, UNSEEN_FROM), theta.exp())
    return found


def return_of(theta: Tensor, beta: float = BETA) -> Tensor:
    """[S] ``J = E[r] - beta KL(pi || ref)``."""
    return right(theta) - beta * (theta * theta.exp() - theta.exp() + 1)


def distance(theta: Tensor, beta: float = BETA) -> Tensor:
    """[S] ``KL(pi || pi*)`` in nats; ``pi* ∝ ref exp(r / beta)`` is none of these policies, so it is never 0."""
    start = float(right(torch.zeros(1, dtype=theta.dtype)))
    return math.log1p(start * math.expm1(1 / beta)) - return_of(theta, beta) / beta


def agro_rest(beta: float = BETA) -> float:
    """The theta at which AGRO's expected gradient is 0 on completions of the reference.

    The regularised reward is ``r - beta theta n`` but for a constant, so that AGRO fits a line through the rewards: its
    slope is the covariance of reward and steps over the variance of the steps, which is 1.
    """
    steps = torch.tensor([RIGHT], dtype=torch.float64)
    chances = log_prob(torch.zeros(1, dtype=torch.float64), steps).exp()
    return float((chances * (steps - 1)).sum()) / beta


def best(beta: float = BETA) -> float:
    """The theta of the highest return."""

    def cost(theta: float) -> float:
        return -float(return_of(torch.tensor([theta], dtype=torch.float64), beta))

    return float(optimize.minimize_scalar(cost, bounds=(-1, 3), method="bounded", options={"xatol": 1e-10}).x)
