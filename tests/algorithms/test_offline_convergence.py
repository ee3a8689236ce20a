"""On data of the reference AGRO reaches the optimum, a KL in the loss does not (the paper's Figure 1)."""

import pytest
from torch import Tensor

from algorithms.agro import AGRO
from algorithms.reinforce import Reinforce
from algorithms.types import Objective
from tests.support.enumeration import expected_gradient, random_problems

BETA = 0.5
PROMPTS = 12


def descend(objective: Objective, steps: int = 800) -> tuple[Tensor, Tensor]:
    """[N] KL(pi || pi*) after exact gradient descent from the reference, and the largest gradient left []."""
    problems = random_problems(0, PROMPTS)
    logits = problems.ref.clone().requires_grad_()
    for _ in range(steps):
        step = PROMPTS * expected_gradient(objective, logits, problems, behaviour=problems.ref)
        logits = (logits - step).detach().requires_grad_()
    log_policy = logits.detach().log_softmax(-1)
    kl = (log_policy.exp() * (log_policy - problems.optimum(BETA))).sum(-1)
    return kl, step.abs().max()


def test_agro_reaches_the_optimum() -> None:
    kl, gradient_left = descend(AGRO(beta=BETA))
    assert gradient_left < 1e-6
    assert kl.max() < 1e-6


@pytest.mark.parametrize("objective", [Reinforce(beta=BETA, kl="k2"), Reinforce(beta=BETA, kl="k3")], ids=["k2", "k3"])
def test_reinforce_converges_elsewhere(objective: Objective) -> None:
    kl, gradient_left = descend(objective)
    assert gradient_left < 1e-6
    assert (kl > 1e-3).sum() > 0.8 * PROMPTS
