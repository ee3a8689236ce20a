"""The model with wrong completions without end: its closed forms, which objectives leak in it, and what prevents it."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from algorithms import OBJECTIVES
from algorithms.agro_tapered import AGROTapered
from algorithms.types import Objective
from harness.studies.tabular import lengths
from harness.studies.tabular.cases import make_cases
from harness.studies.tabular.convergence import descend
from harness.studies.tabular.groups import Scene, batch_gradients, every_group, group_gradients
from harness.studies.tabular.leak import DATA, FARTHEST, Leak, train
from harness.studies.tabular.level import STALE, Anchor, Residual, expected_gradient, follow, level_rows
from harness.studies.tabular.problems import BETA, random_problems

THETA = torch.tensor([-1.3, 0.0, 0.4, 1.5, 2.5], dtype=torch.float64)
STEPS = torch.arange(200, dtype=torch.float64)
"""The policies of THETA have no mass as far out as this."""
FRESH, STALE_DATA, FIXED = range(len(DATA))
COMBINATIONS: list[tuple[Anchor, bool]] = list(product(("reference", "behaviour"), (True, False)))


def close(found: Tensor | float, expected: Tensor | float, tolerance: float = 1e-10) -> None:
    both = (torch.as_tensor(value, dtype=torch.float64) for value in (found, expected))
    torch.testing.assert_close(*both, rtol=tolerance, atol=tolerance)


def summed(theta: Tensor) -> Tensor:
    """[S, steps] Log-probabilities, normalised by summing ``ref exp(theta n)`` directly."""
    return (theta[:, None] * STEPS - torch.lgamma(STEPS + 1)).log_softmax(-1)


def test_closed_forms_are_what_the_sums_say() -> None:
    logp, ref_logp = summed(THETA), summed(torch.zeros(1, dtype=torch.float64))
    policy, right = logp.exp(), lengths.rewards(STEPS)
    assert [int(n) for n in STEPS[right == 1]] == [2, 3, 4]
    close(lengths.log_prob(THETA, STEPS.expand(5, -1)), logp)
    close(lengths.right(THETA), (policy * right).sum(-1))
    close(lengths.unseen(THETA), policy[:, lengths.UNSEEN_FROM :].sum(-1))
    close(lengths.return_of(THETA), (policy * (right - lengths.BETA * (logp - ref_logp))).sum(-1))
    optimum = (ref_logp + right / lengths.BETA).log_softmax(-1)
    close(lengths.distance(THETA), (policy * (logp - optimum)).sum(-1))
    near = lengths.best() + torch.tensor([-1e-3, 0.0, 1e-3], dtype=torch.float64)
    assert lengths.return_of(near).argmax() == 1
    (slope,) = torch.autograd.grad(
        lengths.log_prob(at := THETA.clone().requires_grad_(), STEPS.expand(5, -1)).sum(), at
    )
    close(lengths.score(THETA, STEPS.expand(5, -1)).sum(-1), slope, 1e-8)


def test_samples_are_of_the_policy() -> None:
    drawn = lengths.draw(THETA, 20_000, torch.Generator().manual_seed(0))
    found = torch.stack([(drawn == n).double().mean(-1) for n in range(30)], -1)
    assert (found - summed(THETA)[:, :30].exp()).abs().max() < 0.02


@pytest.mark.parametrize(("theta", "mu"), [(0.3, 0.0), (1.2, 0.7), (0.5, 1.1), (0.9, 0.9)])
def test_the_mean_ratio_is_one_whatever_policy_and_behaviour(theta: float, mu: float) -> None:
    policy, behaviour = summed(torch.tensor([theta, mu], dtype=torch.float64))
    close((behaviour.exp() * (policy - behaviour).exp()).sum(), 1.0)


def by_pairs(objective: Objective, theta: float, mu: float) -> float:
    """The expected gradient for theta, over all pairs of up to 39 steps that ``mu`` draws."""
    count = 40
    pairs = torch.cartesian_prod(torch.arange(count), torch.arange(count)).double()
    policy, behaviour = (torch.full((len(pairs),), value, dtype=torch.float64) for value in (theta, mu))
    logp = lengths.log_prob(policy, pairs)[..., None].requires_grad_()
    old_logp = lengths.log_prob(behaviour, pairs)
    offered = {
        "old_logp": old_logp[..., None],
        "ref_logp": lengths.log_prob(torch.zeros_like(policy), pairs)[..., None],
    }
    group = torch.zeros(2, dtype=torch.int64)
    found, _ = batch_gradients(objective, logp, logp, lengths.rewards(pairs), offered, group)
    return float((old_logp.sum(-1).exp() * (found[..., 0] * lengths.score(policy, pairs)).sum(-1)).sum())


@pytest.mark.parametrize(("anchor", "centred"), COMBINATIONS)
def test_the_expected_gradient_is_that_over_all_pairs(anchor: Anchor, centred: bool) -> None:
    for theta, mu in ((0.0, 0.0), (0.7, 0.2), (0.4, 1.1)):
        residual = Residual(beta=0.07, anchor=anchor, centred=centred)
        close(by_pairs(residual, theta, mu), expected_gradient(theta, mu, anchor, centred, beta=0.07))


@pytest.mark.parametrize(("name", "centred"), [("agro", True), ("reinforce", False)])
def test_two_of_the_four_are_objectives_of_the_registry(name: str, centred: bool) -> None:
    residual, objective = Residual(beta=0.07, anchor="reference", centred=centred), OBJECTIVES[name](beta=0.07)  # type: ignore[call-arg]
    for theta, mu in ((0.7, 0.2), (0.4, 1.1)):
        close(by_pairs(objective, theta, mu), by_pairs(residual, theta, mu))


@pytest.fixture(scope="module")
def agro() -> Leak:
    return train(make_cases(["agro"], lengths.BETA, {})["agro"], runs=4)


def test_agro_leaks_on_data_that_are_not_its_own(agro: Leak) -> None:
    assert agro.accuracy[0, 0, 0] == pytest.approx((1 / 2 + 1 / 6 + 1 / 24) / math.e)
    end = agro.accuracy[-1]
    assert end[FRESH].min() > 0.6
    assert end[FIXED].max() < 1e-6 and agro.unseen[-1, FIXED].min() > 0.999
    assert agro.accuracy[:60, FIXED].mean(-1).max() > 0.6  # it was correct more often in between
    swinging = agro.accuracy[100:, STALE_DATA].mean(-1)
    assert swinging.min() < 0.1 and swinging.max() > 0.5


def test_the_ratio_tells_of_the_leak(agro: Leak) -> None:
    assert (agro.ratio[:, FRESH] - 1).abs().max() < 1e-12
    assert agro.ratio[-1, FIXED].max() < 1e-6
    assert agro.ratio[:20].mean() == pytest.approx(1, abs=0.02)  # before the leak


def test_the_loss_falls_while_the_accuracy_does() -> None:
    """The numbers of the text: half the variance of the regularised reward over completions of the reference."""
    reference = summed(torch.zeros(1, dtype=torch.float64))[0].exp()
    rest = lengths.agro_rest()
    assert math.exp(rest) == pytest.approx(1150, rel=0.01)
    assert expected_gradient(rest, 0.0, "reference", True) == pytest.approx(0, abs=1e-12)

    def loss(theta: float) -> float:
        regularised = lengths.rewards(STEPS) - lengths.BETA * theta * STEPS
        mean = (reference * regularised).sum()
        return float(0.5 * (reference * (regularised - mean) ** 2).sum())

    assert (loss(0.0), loss(rest)) == (pytest.approx(0.096, abs=5e-4), pytest.approx(0.034, abs=5e-4))
    assert lengths.right(torch.tensor([rest], dtype=torch.float64)) < 1e-100


def late(values: Tensor, data: int) -> float:
    """The mean over the last third of the updates."""
    return float(values[200:, data].mean())


def usual_ratio(found: Leak) -> float:
    """The median of ``pi / mu`` on the fixed set. A mean would be that of a few completions with very large ratios."""
    return float(found.ratio[200:, FIXED].median())


@pytest.mark.parametrize("name", ["ppo", "topr", "agro_tapered", "agro_proximal"])
def test_what_clips_tapers_or_holds_the_level_does_not_leak(name: str, agro: Leak) -> None:
    """AGRO crosses each of these bounds."""
    found = train(make_cases([name], lengths.BETA, {})[name], runs=4)
    for data, accuracy in ((STALE_DATA, 0.6), (FIXED, 0.49)):
        assert late(found.accuracy, data) > accuracy > late(agro.accuracy, data)
        assert late(found.unseen, data) < 0.03 < late(agro.unseen, data)
    assert usual_ratio(found) > 0.9 > usual_ratio(agro)


def test_weights_that_fall_slowly_stop_the_leak_too(agro: Leak) -> None:
    """The numbers of docs/old-data.md."""
    found = train(AGROTapered(beta=lengths.BETA, power=0.5), runs=4)
    for data, accuracy in ((STALE_DATA, 0.6), (FIXED, 0.49)):
        assert late(found.accuracy, data) > accuracy > late(agro.accuracy, data)
        assert late(found.unseen, data) < 0.04 < late(agro.unseen, data)
    assert late(found.unseen, FIXED) == pytest.approx(0.034, abs=0.003)
    assert usual_ratio(found) > 0.8 > usual_ratio(agro)


def test_the_anchored_form_leaks_on_a_fixed_set_and_less_than_agro(agro: Leak) -> None:
    """The numbers of the text."""
    found = train(make_cases(["agro_anchored"], lengths.BETA, {})["agro_anchored"], runs=4)
    assert late(found.accuracy, STALE_DATA) > 0.6 and late(found.unseen, STALE_DATA) < 0.03
    assert 0.45 < late(found.accuracy, FIXED) < 0.55
    assert late(found.unseen, FIXED) == pytest.approx(0.14, abs=0.02) and late(agro.unseen, FIXED) > 0.99
    assert usual_ratio(found) == pytest.approx(0.67, abs=0.05)


def test_a_run_that_is_gone_stays_where_it_is() -> None:
    found = train(Residual(beta=1e-4, anchor="reference", centred=True), updates=450, runs=2)
    assert found.theta.isfinite().all()
    assert torch.equal(found.theta[-1, FIXED], found.theta[-20, FIXED]) and found.theta[-1, FIXED].min() >= FARTHEST


def test_held_to_the_behaviour_the_accuracy_falls_least() -> None:
    def lowest(anchor: Anchor, centred: bool) -> float:
        path = follow(anchor, centred)
        return float(lengths.right(path)[len(path) // 2 :].min())

    found = {one: lowest(*one) for one in COMBINATIONS}
    assert found["reference", True] < found["reference", False] < found["behaviour", False]
    assert found["reference", True] < found["behaviour", True] < found["behaviour", False]


def test_with_a_free_policy_the_anchor_decides() -> None:
    problems = random_problems(4, 0)
    rows = {(row["anchor"], row["centred"]): row for row in level_rows(problems)}
    assert rows["reference", True]["free_kl"]["mean"] < 1e-6
    assert min(rows["behaviour", centred]["free_kl"]["mean"] for centred in (True, False)) > 0.05
    ours = descend(OBJECTIVES["agro"](beta=BETA), problems).distance[-1, STALE]  # type: ignore[call-arg]
    assert rows["reference", True]["free_kl"]["mean"] == pytest.approx(float(ours.mean()), abs=1e-9)


def test_geppo_ascends_the_return_from_stale_completions() -> None:
    """Before its first update, the expected gradient is that of ``-J``, whichever policy the completions come from."""
    problems = random_problems(5, 0)
    policy, stale = problems.towards_optimum(0.5, 0.5), problems.towards_optimum(0.25, 0.5)
    groups = every_group(2)
    scene = Scene(problems=problems, policy=policy, behaviour=stale)
    geppo = make_cases(["geppo"])["geppo"]
    found = group_gradients(geppo, scene, groups.members, torch.zeros(5).double(), torch.Generator())
    expected = (groups.probability(stale)[..., None] * found.logits).sum(1)
    close(expected, problems.loss_gradient(policy))
