"""Weights of the distribution near the uniform one that maximises the mean loss.

Each function takes losses [P] in float64 and a distance of at least 0. It returns non-negative weights [P] with mean 1.
Equal losses have equal weights. Source: Duchi, Namkoong 2021, arXiv 1810.08750; Shapiro 2017, "Distributionally robust
stochastic programming".
"""

from collections.abc import Callable

import torch
from torch import Tensor

HALVINGS = 100
"""The number of bisection steps. It is more than the precision of float64 needs."""


def kl_weights(losses: Tensor, radius: float) -> Tensor:
    """``exp(losses / eta)`` over its mean, with ``eta`` such that ``mean w log w`` is the radius, in nats.

    If no ``eta`` reaches the radius, all weight is on the largest loss.
    """
    worst = _on_the_worst(losses)
    if radius == 0 or radius >= _kl(worst) * (1 - 1e-12):  # no finite eta reaches the last digit
        return torch.ones_like(losses) if radius == 0 else worst
    scale = losses.max() - losses.min()

    def tilted(sharpness: Tensor) -> Tensor:
        return torch.softmax(sharpness * (losses / scale), 0) * len(losses)

    upper = torch.ones_like(scale)
    while _kl(tilted(upper)) < radius:
        upper = 2 * upper
    return tilted(_largest(torch.zeros_like(upper), upper, lambda sharpness: _kl(tilted(sharpness)) <= radius))


def chi_square_weights(losses: Tensor, radius: float) -> Tensor:
    """``1 + sqrt(2 radius / Var L) (L - mean L)``, so that ``1/2 mean (w - 1)^2`` is the radius.

    If some of these would be negative, weights are proportional to ``max(0, L - level)``, with the level that gives the
    radius. If no level reaches the radius, all weight is on the largest loss.
    """
    worst = _on_the_worst(losses)
    if radius == 0 or radius >= _chi_square(worst):
        return torch.ones_like(losses) if radius == 0 else worst
    spread = losses - losses.mean()
    plain = 1 + (2 * radius / (spread**2).mean()).sqrt() * spread
    if bool((plain >= 0).all()):
        return plain

    def above(level: Tensor) -> Tensor:
        excess = (losses - level).clamp(min=0)
        return excess / excess.mean()

    return above(_largest(losses.min(), losses.max(), lambda level: _chi_square(above(level)) <= radius))


def cvar_weights(losses: Tensor, radius: float) -> Tensor:
    """``1 + radius`` for the largest losses, a share of ``1 / (1 + radius)``, and 0 for the others.

    Losses that tie at the border share the remaining weight.
    """
    room = len(losses) / (1 + radius)
    worse = (losses[None, :] > losses[:, None]).to(losses.dtype).sum(1)
    alike = (losses[None, :] == losses[:, None]).to(losses.dtype).sum(1)
    return ((room - worse) / alike).clamp(0, 1) * (1 + radius) if radius else torch.ones_like(losses)


def _largest(low: Tensor, high: Tensor, fits: Callable[[Tensor], bool | Tensor]) -> Tensor:
    """The largest number that fits, by bisection. ``low`` fits and ``high`` does not."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _on_the_worst(losses: Tensor) -> Tensor:
    """All weight on the largest loss."""
    worst = (losses == losses.max()).to(losses.dtype)
    return worst / worst.mean()


def _kl(weights: Tensor) -> Tensor:
    return torch.xlogy(weights, weights).mean()


def _chi_square(weights: Tensor) -> Tensor:
    return 0.5 * ((weights - 1) ** 2).mean()
