"""The shared tensor functions, with worked numbers."""

import math

import pytest
import torch

from algorithms import ops

GROUP = torch.tensor([5, 2, 5, 2, 5])  # interleaved, not from 0, with sizes 3 and 2
VALUES = torch.tensor([1.0, 10.0, 2.0, 20.0, 6.0])


def test_group_statistics() -> None:
    assert ops.group_sizes(GROUP).tolist() == [3, 2, 3, 2, 3]
    assert ops.group_mean(VALUES, GROUP).tolist() == [3, 15, 3, 15, 3]
    assert ops.leave_one_out_mean(VALUES, GROUP).tolist() == [4, 20, 3.5, 10, 1.5]
    assert ops.group_variance(VALUES, GROUP).tolist() == [7, 50, 7, 50, 7]
    assert ops.group_std(VALUES, GROUP).tolist() == pytest.approx([math.sqrt(v) for v in (7, 50, 7, 50, 7)])


def test_leave_one_out_ignores_the_own_value() -> None:
    huge = VALUES.clone()
    huge[0] = 1e30
    assert ops.leave_one_out_mean(huge, GROUP)[0] == 4


@pytest.mark.parametrize("statistic", [ops.leave_one_out_mean, ops.group_variance, ops.group_std])
def test_a_group_of_one_is_refused(statistic: object) -> None:
    assert callable(statistic)
    with pytest.raises(ValueError, match="at least two completions, but prompt 7 has one"):
        statistic(VALUES, torch.tensor([5, 2, 5, 2, 7]))


def test_kl_estimators() -> None:
    logp = torch.tensor([[-1.0, -2.0, math.nan]], dtype=torch.float64)
    ref = torch.tensor([[-1.5, -1.0, math.inf]], dtype=torch.float64)
    mask = torch.tensor([[True, True, False]])
    assert ops.masked_sum(logp, mask).tolist() == [-3.0]
    assert ops.k1(logp, ref, mask).tolist() == [-0.5]
    assert ops.k2(logp, ref, mask).tolist() == [0.125]
    expected = [math.exp(-0.5) + 0.5 - 1, math.exp(1.0) - 1.0 - 1, 0.0]
    assert ops.k3(logp, ref, mask)[0].tolist() == pytest.approx(expected)


def test_k3_is_accurate_and_not_negative_near_the_reference() -> None:
    d = torch.tensor([[1e-3, -1e-3]])
    mask = torch.ones_like(d, dtype=torch.bool)
    torch.testing.assert_close(ops.k3(d, torch.zeros_like(d), mask), d**2 / 2, rtol=1e-3, atol=0.0)


def test_policy_gradient_does_not_differentiate_advantages() -> None:
    logp = torch.tensor([-1.0, -2.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(ops.policy_gradient(logp * 3, logp, sequences=4), logp)
    assert gradient.tolist() == [0.75, 1.5]


# Lambda is 1/2, rewards are 0, 0, 1 and values 1/2, 1/4, 3/4. The surprises are -1/4, 1/2 and 1/4.
REWARDS, STATE_VALUES = [0.0, 0.0, 1.0], [0.5, 0.25, 0.75]


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        (0.5, [-0.25 + 0.625 / 2, 0.5 + 0.25 / 2, 0.25]),
        (0.0, [-0.25, 0.5, 0.25]),
        (1.0, [1 - 0.5, 1 - 0.25, 1 - 0.75]),
    ],
)
def test_worked_advantage_estimates(decay: float, expected: list[float]) -> None:
    """The second row ends after one token, which is worth 0.75 and has no reward. Its padding holds nonsense."""
    rewards = torch.tensor([REWARDS, REWARDS])
    values = torch.tensor([STATE_VALUES, [0.75, math.nan, math.inf]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    estimates = ops.gae(rewards, values, mask, decay)
    assert estimates.tolist() == [expected, [-0.75, 0.0, 0.0]]


def test_importance_weights_make_samples_of_another_sampler_exact() -> None:
    """By enumeration over four one-token completions: E_mu[w r grad log pi] is the gradient of E_pi[r]."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, generator=generator, dtype=torch.float64).requires_grad_()
    rewards, behaviour = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    logp, sampler_logp = logits.log_softmax(-1), behaviour.log_softmax(-1)
    (exact,) = torch.autograd.grad((logp.exp() * rewards).sum(), logits, retain_graph=True)

    def estimate(cap: float) -> torch.Tensor:
        weight = ops.truncated_importance(logp.detach(), sampler_logp, cap)
        weighed = ops.weigh_gradient(logp, weight)
        assert torch.equal(weighed, logp)
        return torch.autograd.grad((sampler_logp.exp() * rewards * weighed).sum(), logits, retain_graph=True)[0]

    largest = float((logp - sampler_logp).exp().max())
    torch.testing.assert_close(estimate(cap=1.01 * largest), exact, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(estimate(cap=0.9 * largest), exact, rtol=1e-3)


def test_truncated_weights_are_the_smaller_of_ratio_and_cap() -> None:
    logp, sampler_logp = torch.tensor([-1.0, -1.0, -3.0]), torch.tensor([-1.0, -2.0, -1.0])
    weight = ops.truncated_importance(logp, sampler_logp, cap=2.0)
    torch.testing.assert_close(weight, torch.tensor([1.0, 2.0, math.exp(-2)]))


def test_icepop_leaves_what_is_in_the_range_as_it_is() -> None:
    """Ratios of 1/4, 1/2, 1, 4 and 5. The ends of the range, 1/2 and 4, are kept."""
    ratios = torch.tensor([[0.25, 0.5, 1.0, 4.0, 5.0]], dtype=torch.float64)
    sampler_logp = torch.full_like(ratios, -1.0)
    weight = ops.icepop_weights(sampler_logp + ratios.log(), sampler_logp, 0.499, 4.001)
    torch.testing.assert_close(weight, torch.tensor([[0.0, 0.5, 1.0, 4.0, 0.0]], dtype=torch.float64))


def test_sequence_masks_are_by_the_geometric_mean_of_sampled_tokens() -> None:
    """Means of 2, of 2.08 and of 0.5. Single tokens may be outside the range. The padding holds nonsense."""
    ratios = torch.tensor([[8.0, 0.5, math.nan], [2.0, 2.0, 2.25], [0.5, math.inf, math.nan]], dtype=torch.float64)
    mask = torch.tensor([[True, True, False], [True, True, True], [True, False, False]])
    sampler_logp = torch.full_like(ratios, -1.0)
    weight = ops.sequence_mask_weights(sampler_logp + ratios.log(), sampler_logp, mask, 0.499, 2.001)
    assert weight.tolist() == [[1.0], [0.0], [1.0]]
    assert ops.sequence_mask_weights(sampler_logp, sampler_logp, mask, 0.501, 0.999).tolist() == [[0.0]] * 3


def test_dropped_tokens_leave_no_gradient_and_the_others_theirs() -> None:
    logp = torch.tensor([[-1.0, -2.0], [-0.5, -4.0]]).requires_grad_()
    sampler_logp = torch.tensor([[-1.0, -3.0], [-0.5, -1.0]])
    icepop = ops.icepop_weights(logp.detach(), sampler_logp, 0.5, 2.0)
    (gradient,) = torch.autograd.grad(ops.weigh_gradient(logp, icepop).exp().sum(), logp)
    assert torch.equal(gradient, logp.detach().exp() * torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    masked = ops.sequence_mask_weights(logp.detach(), sampler_logp, torch.ones(2, 2, dtype=torch.bool), 0.5, 2.0)
    (gradient,) = torch.autograd.grad(ops.weigh_gradient(logp, masked).exp().sum(), logp)
    assert torch.equal(gradient, logp.detach().exp() * torch.tensor([[1.0], [0.0]]))
