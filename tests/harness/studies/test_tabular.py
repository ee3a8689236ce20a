"""The tabular studies: expectations without sampling noise, where descents end, and the written files."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.agro import AGRO
from algorithms.dpo import DPO
from algorithms.dr_grpo import DrGRPO
from algorithms.ppo import PPO
from algorithms.reinforce import Reinforce
from algorithms.rloo import RLOO
from algorithms.tba import TBA
from algorithms.types import HasOverview, HasTotals, Objective
from harness.studies.tabular.cases import make_cases
from harness.studies.tabular.convergence import STALENESS, Descent, descend
from harness.studies.tabular.gradients import GROUP_SIZES, PARTS, Measured, fit_critic, infinite_group, measure, scenes
from harness.studies.tabular.groups import Scene, every_group, group_gradients
from harness.studies.tabular.problems import BEHAVIOURS, BETA, K, Problems, behaviour, on_grid, random_problems
from tests.support import enumeration

PROBLEMS = 20

close = enumeration.assert_exact
cases = make_cases(None)
every_case = pytest.mark.parametrize("objective", cases.values(), ids=cases)


def random_scene(prompts: int = 3) -> Scene:
    problems = random_problems(prompts, 0)
    policy, mu = (random_problems(prompts, seed).ref for seed in (1, 2))
    return Scene(problems=problems, policy=policy, behaviour=mu)


def gradients_of(objective: Objective, scene: Scene, members: Tensor) -> Tensor:
    """[N, M, K]"""
    critic = torch.zeros(len(scene.policy), dtype=torch.float64)
    return group_gradients(objective, scene, members, critic, torch.Generator()).logits


@pytest.fixture(scope="module")
def problems() -> Problems:
    return random_problems(PROBLEMS, 0)


@pytest.fixture(scope="module")
def agro(problems: Problems) -> Descent:
    return descend(AGRO(beta=BETA), problems)


@pytest.fixture(scope="module")
def reinforce(problems: Problems) -> Descent:
    return descend(Reinforce(beta=BETA), problems)


def of(found: Tensor, name: str) -> Tensor:
    """The row of a behaviour policy."""
    return found[BEHAVIOURS.index(name)]


def by_itself(objective: Objective) -> bool:
    """Whether it learns only from the completions and log-probabilities of a group."""
    return not isinstance(objective, HasTotals | HasOverview) and "ref_rewards" not in objective.requires


# --- problems and groups


def test_the_exact_gradient_is_that_of_the_regularised_return() -> None:
    scene = random_scene()
    logits = scene.policy.clone().requires_grad_()
    log_policy = logits.log_softmax(-1)
    inner = scene.problems.rewards - BETA * (log_policy - scene.problems.ref)
    (gradient,) = torch.autograd.grad(-(log_policy.exp() * inner).sum(), logits)
    close(scene.problems.loss_gradient(scene.policy), gradient)
    optimum = scene.problems.optimum()
    assert scene.problems.loss_gradient(optimum).abs().max() < 1e-12
    assert scene.problems.distance(optimum).max() < 1e-12


def test_the_behaviours() -> None:
    ref, policy, earlier = (random_problems(5, seed).ref for seed in range(3))
    made = {name: behaviour(name, ref, policy, earlier).exp() for name in BEHAVIOURS}
    close(made["reference"], ref.exp())
    close(made["uniform"], torch.full_like(ref, 1 / K))
    close(made["mixture"], 0.5 * (ref.exp() + policy.exp()))
    close(made["stale"], earlier.exp())
    close(made["on-policy"], policy.exp())


def test_a_distribution_on_the_grid() -> None:
    log_probs = random_problems(200, 0).ref
    parts = on_grid(log_probs, PARTS).exp() * PARTS
    close(parts, parts.round())
    assert parts.min() >= 1
    close(parts.sum(-1), torch.full((200,), float(PARTS), dtype=torch.float64))
    assert (parts / PARTS - log_probs.exp()).abs().max() < K / PARTS


@pytest.mark.parametrize("size", GROUP_SIZES)
def test_the_probabilities_of_all_groups_add_up(size: int) -> None:
    probability = every_group(size).probability(random_scene().behaviour)
    close(probability.sum(-1), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("label", [label for label, made in cases.items() if by_itself(made)])
@pytest.mark.parametrize("size", [2, 3])
def test_multisets_give_what_all_ordered_groups_give(label: str, size: int) -> None:
    """The other enumeration makes one batch of all groups. Objectives that use the whole batch see another step."""
    objective = cases[label]
    limit = enumeration.K - 1 if label == "dr_grpo" else 1  # dr_grpo divides by its length limit
    scene, groups = random_scene(), every_group(size)
    expected = (groups.probability(scene.behaviour)[..., None] * gradients_of(objective, scene, groups.members)).sum(1)
    others = enumeration.Problems(rewards=scene.problems.rewards, ref=scene.problems.ref)
    logits = scene.policy.clone().requires_grad_()
    theirs = enumeration.expected_gradient(objective, logits, others, scene.behaviour, size)
    close(expected, 3 * limit * theirs)


@every_case
def test_every_objective_fits(objective: Objective) -> None:
    assert gradients_of(objective, random_scene(), every_group(4).members).isfinite().all()


def test_one_strength_for_all_but_those_published_without() -> None:
    assert cases["agro"].beta == cases["dpo"].beta == cases["grpo"].beta_kl == BETA  # type: ignore[attr-defined]
    assert cases["dr_grpo"].beta_kl == 0  # type: ignore[attr-defined]
    assert not cases["ppo"].whiten  # type: ignore[attr-defined]


# --- where descents end


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_agro_ends_at_the_optimum_on_any_data(agro: Descent, name: str) -> None:
    assert of(agro.distance[-1], name).max() < 1e-6
    assert of(agro.settled, name).all()


def test_reinforce_settles_elsewhere_on_data_of_the_reference(reinforce: Descent) -> None:
    assert (of(reinforce.distance[-1], "reference") > 1e-3).sum() > 0.8 * PROBLEMS
    assert of(reinforce.settled, "reference").all()
    assert of(reinforce.gradient_left, "reference").max() < 1e-6
    assert of(reinforce.distance[-1], "on-policy").max() < 1e-6


def test_the_stale_policy_is_that_of_fifty_steps_ago(agro: Descent) -> None:
    """Until then, it is the reference."""
    stale, reference = (of(agro.distance.transpose(0, 1), name) for name in ("stale", "reference"))
    assert torch.equal(stale[: STALENESS + 2], reference[: STALENESS + 2])
    assert not torch.equal(stale[STALENESS + 2], reference[STALENESS + 2])


def test_what_runs_off_has_not_settled(problems: Problems) -> None:
    assert of(descend(DPO(beta=BETA), problems).settled, "reference").sum() < 0.2 * PROBLEMS


def test_without_kl_the_policy_becomes_deterministic(problems: Problems) -> None:
    found = descend(DrGRPO(clip_high=1e6, clip_low=0.999), problems)
    assert of(found.deterministic, "on-policy").sum() > 0.7 * PROBLEMS


def test_a_gradient_that_is_not_finite_stops_its_problem_alone(problems: Problems) -> None:
    rewards = problems.rewards.clone()
    rewards[0, 0] = torch.nan
    found = descend(AGRO(beta=BETA), replace(problems, rewards=rewards), steps=10)
    assert found.broken[:, 0].all() and not found.broken[:, 1:].any()
    close(of(found.policy, "uniform")[0], problems.ref[0])


def test_a_critic_learns_beside_the_policy(problems: Problems) -> None:
    critics = [PPO(beta=BETA, whiten=False, value_coefficient=weight) for weight in (0.1, 0.0)]
    with_one, without = (of(descend(critic, problems, steps=50).policy, "uniform") for critic in critics)
    assert not torch.allclose(with_one, without)


# --- bias and variance


def test_a_critic_is_fitted_to_the_regularised_reward_of_the_behaviour(problems: Problems) -> None:
    scene, _ = scenes(problems, "uniform")
    inner = scene.problems.rewards - BETA * (scene.behaviour - scene.problems.ref)
    critic = fit_critic(PPO(beta=BETA, whiten=False), scene, torch.Generator())
    torch.testing.assert_close(critic, (scene.behaviour.exp() * inner).sum(-1))


@pytest.fixture(scope="module")
def measured(problems: Problems) -> dict[str, dict[tuple[str, int], Measured]]:
    objectives: dict[str, Objective] = {
        "agro": AGRO(beta=BETA),
        "rloo": RLOO(beta=BETA),
        "reinforce": Reinforce(beta=BETA),
        "ppo": PPO(beta=BETA, whiten=False),
        "dr_grpo": DrGRPO(),
        "tba": TBA(beta=BETA),
    }
    return {name: measure(objective, problems) for name, objective in objectives.items()}


Found = dict[str, dict[tuple[str, int], Measured]]


@pytest.mark.parametrize("objective", ["agro", "rloo", "reinforce", "ppo"])
@pytest.mark.parametrize("size", GROUP_SIZES)
def test_no_bias_on_policy(measured: Found, objective: str, size: int) -> None:
    assert measured[objective]["on-policy", size].bias.max() < 1e-10


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_at_the_optimum_agro_feels_neither_pull_nor_noise(measured: Found, name: str) -> None:
    found = measured["agro"][name, 4]
    assert found.pull.max() < 1e-10 and found.noise_at_optimum.max() < 1e-10


def test_off_policy_reinforce_is_pulled_off_the_optimum(measured: Found) -> None:
    assert measured["reinforce"]["reference", 4].pull.median() > 0.1
    assert measured["reinforce"]["on-policy", 4].pull.max() < 1e-10
    assert measured["reinforce"]["on-policy", 4].noise_at_optimum.min() > 1e-3


@pytest.mark.parametrize("objective", ["tba", "dr_grpo"])
@pytest.mark.parametrize("size", GROUP_SIZES)
def test_centring_with_the_own_reward_costs_one_part_in_the_group(measured: Found, objective: str, size: int) -> None:
    bias = measured[objective]["on-policy", size].own_bias
    assert bias is not None
    torch.testing.assert_close(bias, torch.full_like(bias, 1 / size))


@pytest.mark.parametrize("name", ["reference", "on-policy"])
def test_agro_estimates_its_own_loss_without_bias(measured: Found, name: str) -> None:
    bias = measured["agro"][name, 2].own_bias
    assert bias is not None and bias.max() < 1e-4


def test_an_infinite_group_is_the_population(problems: Problems) -> None:
    """For AGRO, this is half the variance of the regularised reward under the behaviour policy, divided by beta."""
    scene, _ = scenes(problems, "reference")
    logits = scene.policy.clone().requires_grad_()
    mu, log_policy = scene.behaviour.exp(), logits.log_softmax(-1)
    inner = scene.problems.rewards - BETA * (log_policy - scene.problems.ref)
    variance = (mu * (inner - (mu * inner).sum(-1, keepdim=True)) ** 2).sum()
    (gradient,) = torch.autograd.grad(0.5 * variance / BETA, logits)
    found = infinite_group(AGRO(beta=BETA), scene, torch.zeros(PROBLEMS), torch.Generator())
    torch.testing.assert_close(found, gradient, rtol=1e-4, atol=1e-6)


def test_where_it_is_measured_the_kl_matters(measured: Found) -> None:
    """On the straight path to the optimum, a gradient without KL would have the correct direction."""
    assert measured["dr_grpo"]["on-policy", 4].cosine.mean() < 0.99


def test_noise_falls_with_the_group(measured: Found) -> None:
    for found in measured.values():
        noises = [found["on-policy", size].noise.mean() for size in GROUP_SIZES]
        assert noises == sorted(noises, reverse=True)


# --- the written files
