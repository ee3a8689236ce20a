"""Weights of the worst distribution near the even one: the largest mean loss within a distance of it.

Each function takes losses [P] in float64 and a distance of at least 0, and gives weights [P] of mean 1 that are not
negative. Equal losses weigh the same. Source: Duchi, Namkoong 2021, arXiv 1810.08750; Shapiro 2017, "Distributionally
robust stochastic programming".
"""

from collections.abc import Callable

import torch
from torch import Tensor

HALVINGS = 100
"""Of an interval: more than a float64 can tell apart."""


def kl_weights(losses: Tensor, radius: float) -> Tensor:
    """``exp(losses / eta)`` over its mean, where ``eta`` makes ``mean w log w`` the radius, in nats.

    A radius that no ``eta`` reaches puts all weight on the largest loss.
    """
    worst = _on_the_worst(losses)
    if radius == 0 or radius >= _kl(worst):
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

    Where some of these would be negative, weights are in proportion to how far a loss lies above a level, and 0 below
    it; the level is the one that gives the radius. A radius that no level reaches puts all weight on the largest loss.
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
    """``1 + radius`` for the largest losses, a share ``1 / (1 + radius)`` of all, and 0 for the others.

    Losses that tie at the border share what is left of the weight.
    """
    room = len(losses) / (1 + radius)
    worse = (losses[None, :] > losses[:, None]).to(losses.dtype).sum(1)
    alike = (losses[None, :] == losses[:, None]).to(losses.dtype).sum(1)
    return ((room - worse) / alike).clamp(0, 1) * (1 + radius) if radius else torch.ones_like(losses)


def _largest(low: Tensor, high: Tensor, fits: Callable[[Tensor], bool | Tensor]) -> Tensor:
    """The largest number from ``low``, which fits, to ``high``, which does not, that fits."""
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
