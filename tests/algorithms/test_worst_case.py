"""Weights of the worst distribution: closed forms, optimality, and rules for all of them."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from algorithms.worst_case import chi_square_weights, cvar_weights, kl_weights
from tests.support.enumeration import assert_exact

Weigh = Callable[[Tensor, float], Tensor]
KINDS: dict[str, Weigh] = {"kl": kl_weights, "chi_square": chi_square_weights, "cvar": cvar_weights}
every_kind = pytest.mark.parametrize("weigh", KINDS.values(), ids=KINDS)
RADII = [0.01, 0.1, 0.5, 2.0, 50.0]


def divergence(weigh: Weigh, weights: Tensor) -> float:
    """The divergence that the radius of this kind limits."""
    if weigh is kl_weights:
        return float(torch.xlogy(weights, weights).mean())
    return float(0.5 * ((weights - 1) ** 2).mean()) if weigh is chi_square_weights else float(weights.max() - 1)


def random_losses(seed: int, prompts: int = 12) -> Tensor:
    """Shares of wrong completions among 8, so many are equal."""
    return torch.randint(0, 9, (prompts,), generator=torch.Generator().manual_seed(seed)).double() / 8


@every_kind
@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("seed", range(4))
def test_weights_are_a_distribution_within_the_radius_that_rises_with_the_loss(
    weigh: Weigh, radius: float, seed: int
) -> None:
    losses = random_losses(seed)
    weights = weigh(losses, radius)
    assert float(weights.mean()) == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0).all()
    assert divergence(weigh, weights) <= radius + 1e-9
    ordered = weights[losses.argsort()]
    assert (ordered.diff() >= 0).all()
    for loss in losses.unique():
        assert weights[losses == loss].unique().numel() == 1


@every_kind
@pytest.mark.parametrize("radius", RADII)
def test_order_changes_nothing(weigh: Weigh, radius: float) -> None:
    losses = random_losses(1)
    order = torch.randperm(len(losses), generator=torch.Generator().manual_seed(0))
    assert_exact(weigh(losses[order], radius), weigh(losses, radius)[order])


@every_kind
@pytest.mark.parametrize("radius", [0.0, 0.5, 50.0])
def test_without_a_radius_or_a_difference_all_weigh_one(weigh: Weigh, radius: float) -> None:
    alike = torch.full((5,), 0.3, dtype=torch.float64)
    assert_exact(weigh(alike, radius), torch.ones_like(alike))
    assert torch.equal(weigh(random_losses(2), 0.0), torch.ones(12, dtype=torch.float64))


@pytest.mark.parametrize("worst", [1, 3, 7])
@pytest.mark.parametrize("count", [10, 33, 64])
def test_kl_at_the_edge_of_its_reach(count: int, worst: int) -> None:
    """All weight on the ``worst`` largest losses has this divergence, up to rounding."""
    losses = torch.arange(count, dtype=torch.float64).clamp(max=count - worst)
    expected = (losses == losses.max()).double() * count / worst
    assert_exact(kl_weights(losses, math.log(count / worst)), expected)


@every_kind
def test_beyond_reach_only_the_worst_are_left(weigh: Weigh) -> None:
    losses = torch.tensor([0.1, 0.7, 0.2, 0.7], dtype=torch.float64)
    expected = torch.tensor([0.0, 2.0, 0.0, 2.0], dtype=torch.float64)
    assert_exact(weigh(losses, 1.0 if weigh is cvar_weights else math.log(2) + 0.2), expected)


@every_kind
@pytest.mark.parametrize("radius", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_no_distribution_within_the_radius_is_worse(weigh: Weigh, radius: float, seed: int) -> None:
    """Compared with many random distributions, shrunk towards the uniform one until they are within the radius."""
    losses = torch.rand(6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ours = float((weigh(losses, radius) * losses).mean())
    generator = torch.Generator().manual_seed(seed)
    for sharpness in (1.0, 3.0, 9.0):
        for _ in range(150):
            noise = torch.randn(6, generator=generator, dtype=torch.float64)
            far = torch.softmax(sharpness * (losses + 0.3 * noise), 0) * 6
            share = next(s for s in (0.9**n for n in range(200)) if divergence(weigh, 1 + s * (far - 1)) <= radius)
            assert float(((1 + share * (far - 1)) * losses).mean()) <= ours + 1e-9


def test_kl_is_an_exponential_of_the_loss_at_the_radius() -> None:
    losses = random_losses(3)
    weights = kl_weights(losses, 0.2)
    eta = (losses.max() - losses.min()) / (weights[losses.argmax()].log() - weights[losses.argmin()].log())
    tilted = (losses / eta).exp()
    assert_exact(weights, tilted / tilted.mean())
    assert divergence(kl_weights, weights) == pytest.approx(0.2, abs=1e-9)


def test_chi_square_is_its_closed_form_where_that_is_not_negative() -> None:
    losses = random_losses(0)
    centred = losses - losses.mean()
    closed = 1 + math.sqrt(2 * 0.05 / float((centred**2).mean())) * centred
    assert closed.min() > 0
    assert_exact(chi_square_weights(losses, 0.05), closed)


def test_worked_chi_square_beyond_its_closed_form() -> None:
    """Losses 0, 1, 2 at radius 1. Of weights (0, x, 3 - x), those with 1/2 mean (w - 1)^2 = 1, with the smaller x."""
    x = 1.5 - math.sqrt(2.25)  # x^2 - 3 x + (1 + 1 + 4 - 6) / 2 = 0
    assert_exact(
        chi_square_weights(torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64), 0.999999)[0],
        torch.tensor(0.0, dtype=torch.float64),
    )
    found = chi_square_weights(torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64), 1.0)
    torch.testing.assert_close(found, torch.tensor([0.0, x, 3 - x], dtype=torch.float64), rtol=0, atol=1e-6)


def test_worked_cvar() -> None:
    """The worst half of six: one of 0.9, and two thirds of each of the three that are equal at 0.5."""
    losses = torch.tensor([0.5, 0.9, 0.1, 0.5, 0.5, 0.0], dtype=torch.float64)
    expected = torch.tensor([4 / 3, 2.0, 0.0, 4 / 3, 4 / 3, 0.0], dtype=torch.float64)
    assert_exact(cvar_weights(losses, 1.0), expected)
