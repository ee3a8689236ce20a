"""TOPR tapers only bad completions, and TBA is AGRO except for a constant. Which losses fix the level of a group."""

from dataclasses import replace

import pytest
import torch

from algorithms import OBJECTIVES
from algorithms.agro import AGRO
from algorithms.reinforce import Reinforce
from algorithms.tba import TBA
from algorithms.topr import TOPR
from tests.support.batches import random_batch, tokens
from tests.support.enumeration import assert_exact, every_group, gradient, random_problems

BETA = 0.5


@pytest.mark.parametrize("beta", [0.0, BETA])
def test_topr_on_fresh_samples_is_reinforce(beta: float) -> None:
    policy, batch = random_batch()
    fresh = replace(batch, old_logp=policy.logp.detach())
    topr, reinforce = TOPR(beta=beta).loss(policy, fresh), Reinforce(beta=beta).loss(policy, fresh)
    assert torch.equal(topr.loss, reinforce.loss)
    assert torch.equal(gradient(topr.loss, policy.logp), gradient(reinforce.loss, policy.logp))
    assert topr.metrics["taper"] == 1


def test_worked_topr() -> None:
    """Rewards 1, 1, 0, 0 have advantages 2/3 and -2/3. The log-ratios of sequences are -5 and 0.5, once for each."""
    log_ratios = [[-2.0, -3.0], [0.2, 0.3], [-2.0, -3.0], [0.2, 0.3]]
    policy, batch = tokens(log_ratios, rewards=[1.0, 1.0, 0.0, 0.0], lengths=[2] * 4)
    output = TOPR(beta=0.0).loss(policy, batch)
    tapered = torch.tensor(-5.0, dtype=torch.float64).exp()
    expected = torch.tensor([[-2 / 3], [-2 / 3], [2 / 3 * tapered], [2 / 3]], dtype=torch.float64).expand(4, 2) / 4
    assert_exact(gradient(output.loss, policy.logp), expected)
    assert_exact(output.metrics["taper"], (3 + tapered) / 4)


def test_topr_takes_the_ratio_to_the_behaviour_not_to_the_reference() -> None:
    policy, batch = tokens([[-1.0], [-1.0]], rewards=[1.0, 0.0], lengths=[1, 1])
    assert batch.ref_logp is not None
    far = replace(batch, ref_logp=batch.ref_logp - 3.0)
    moved = gradient(TOPR(beta=BETA).loss(policy, far).loss, policy.logp).flatten()
    pull = BETA * 2.0  # from k2: the log-ratio to the reference is 2
    tapered = torch.tensor(-1.0, dtype=torch.float64).exp()
    assert_exact(moved, torch.stack([pull - 1 + 0 * tapered, pull + tapered]) / 2)


@pytest.mark.parametrize("group_size", [2, 3, 5])
def test_tba_is_agro_but_for_a_constant(group_size: int) -> None:
    policy, batch = random_batch(sizes=(group_size,) * 3)
    tba, agro = TBA(beta=BETA).loss(policy, batch), AGRO(beta=BETA).loss(policy, batch)
    constant = 2 * (1 - 1 / group_size) / BETA
    assert_exact(gradient(tba.loss, policy.logp), constant * gradient(agro.loss, policy.logp))
    assert_exact(tba.loss.detach(), constant / BETA * agro.metrics["variance"])


def test_tba_leaves_the_optimum_alone() -> None:
    problems = random_problems(0)
    uniform = torch.zeros_like(problems.ref).log_softmax(-1)
    policy, batch = every_group(problems.optimum(BETA).requires_grad_(), problems, uniform, 3, "prefix_code")
    loss = TBA(beta=BETA).loss(policy, batch).loss
    assert loss < 1e-28
    assert gradient(loss, policy.logp).abs().max() < 1e-14


def test_worked_tba() -> None:
    """The residuals d - r / beta are 0.2 - 2 and 0.4. Their mean is -0.7, and the deviations are -1.1 and 1.1."""
    policy, batch = tokens([[0.2], [0.4]], rewards=[1.0, 0.0], lengths=[1, 1])
    loss = TBA(beta=BETA).loss(policy, batch).loss
    assert loss.item() == pytest.approx(1.1**2, abs=1e-12)
    assert_exact(gradient(loss, policy.logp).flatten(), torch.tensor([-1.1, 1.1], dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("agro", True),
        ("rloo", True),
        ("tba", True),
        ("dpo", True),
        ("ipo", True),
        ("maxrl", True),
        ("reinforce", False),
        ("topr", False),
        ("grpo", False),
        ("rpo", False),
        ("asymre", False),
        ("oapl", False),
        ("pmd", False),
    ],
)
def test_who_holds_the_level_of_a_groups_log_probabilities(name: str, free: bool) -> None:
    """Some losses look only at differences within a prompt, so all its completions may become rarer alike.

    On fresh samples, the normalisation of the policy fixes the level. On a few old ones, nothing does. A KL to the
    reference in the loss, or a likelihood term, fixes each completion alone.
    """
    policy, batch = random_batch(sizes=(4, 4, 4), seed=5)
    loss = OBJECTIVES[name]().loss(policy, batch).loss
    first = gradient(loss, policy.logp)[:, 0]  # shifts the log-probability of a completion by its first token
    levels = torch.zeros(3, dtype=torch.float64).index_add(0, batch.group, first)
    assert (levels.abs().max() < 1e-14) == free
    assert first.abs().max() > 1e-4
