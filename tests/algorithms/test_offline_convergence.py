"""On data of the reference, AGRO reaches the optimum, and a KL in the loss does not (Figure 1 of the paper)."""

import pytest

from algorithms.agro import AGRO
from algorithms.reinforce import Reinforce
from algorithms.rloo_published import RLOOPublished
from algorithms.types import Objective
from tests.support.enumeration import descend

BETA = 0.5


def test_agro_reaches_the_optimum() -> None:
    kl, gradient_left = descend(AGRO(beta=BETA), BETA)
    assert gradient_left < 1e-6
    assert kl.max() < 1e-6


@pytest.mark.parametrize("objective", [Reinforce(beta=BETA, kl="k2"), Reinforce(beta=BETA, kl="k3")], ids=["k2", "k3"])
def test_reinforce_converges_elsewhere(objective: Objective) -> None:
    kl, gradient_left = descend(objective, BETA)
    assert gradient_left < 1e-6
    assert (kl > 1e-3).sum() > 0.8 * len(kl)


def test_rloo_as_published_converges_elsewhere() -> None:
    """On data of the reference, the sampler's KL is 0. Only the clip holds the policy back."""
    kl, _ = descend(RLOOPublished(beta=BETA), BETA, steps=300)
    assert 0.4 < kl.mean() < 0.8
    assert kl.min() > 0.01
