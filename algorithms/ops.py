"""Tensor functions that several objectives use. Shape letters are explained in ``types.py``.

Padding may hold any values, even NaN and infinities. Each function with a mask replaces padded positions *before* any
nonlinear operation, because ``0 * inf`` in a backward pass is NaN. Only policy ratios that an objective clips or caps
are clamped, so any other overflow is visible as inf or NaN.
"""

import torch
from torch import Tensor


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over sampled tokens: values [B, T], mask [B, T] -> [B]. For log-probabilities, this is the sequence's."""
    return torch.where(mask, values, 0.0).sum(-1)


def token_log_ratio(logp: Tensor, other_logp: Tensor, mask: Tensor) -> Tensor:
    """``logp - other_logp`` [B, T] in nats, 0 at padding."""
    return torch.where(mask, logp - other_logp, 0.0)


def k1(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """Sequence log-ratio ``l - ref_l`` [B] in nats: on-policy, an unbiased estimate of KL(pi || ref).

    It is useless as a loss, because its expected on-policy gradient is zero.
    Source of k1, k2 and k3: Schulman 2020, "Approximating KL Divergence".
    """
    return token_log_ratio(logp, ref_logp, mask).sum(-1)


def k2(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """``1/2 (l - ref_l)^2`` [B]: on-policy, its gradient is that of KL(pi || ref) over sequences."""
    return 0.5 * k1(logp, ref_logp, mask) ** 2


def k3(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """``exp(-d) + d - 1`` of each token's log-ratio ``d``, [B, T] in nats, at least 0, 0 at padding.

    On-policy, the sum over tokens estimates KL(pi || ref) without bias, but its gradient is that of the
    *forward* KL(ref || pi) at each token. In float32 it overflows for tokens with ``d < -88``.
    """
    d = token_log_ratio(logp, ref_logp, mask)
    return torch.expm1(-d) + d  # expm1: near d = 0 the result is d^2 / 2, far below the rounding of exp


def same_group(group: Tensor) -> Tensor:
    """Whether two completions share a prompt: group [B] -> [B, B] bool."""
    # [B, B] instead of a scatter: sums have a fixed order on every device, and leave-one-out sums omit the own
    # value instead of subtracting it. B is hundreds to a few thousand.
    return group[:, None] == group[None, :]


def group_sizes(group: Tensor) -> Tensor:
    """The number of completions in each completion's group: group [B] -> [B] int64."""
    return same_group(group).sum(-1)


def refuse_singletons(group: Tensor) -> None:
    """Raise ValueError if a prompt in group [B] has a single completion."""
    alone = group[group_sizes(group) == 1]
    if alone.numel():
        raise ValueError(f"a prompt needs at least two completions, but prompt {int(alone[0])} has one")


def group_mean(values: Tensor, group: Tensor) -> Tensor:
    """Mean over each completion's own group: values [B], group [B] -> [B]."""
    return _sum_where(same_group(group), values) / group_sizes(group)


def leave_one_out_mean(values: Tensor, group: Tensor) -> Tensor:
    """Mean over the *other* completions of each one's group: values [B], group [B] -> [B].

    Raises ValueError if a group has a single completion.
    """
    refuse_singletons(group)
    others = same_group(group).fill_diagonal_(False)
    return _sum_where(others, values) / others.sum(-1)


def log_taper(logp: Tensor, old_logp: Tensor, mask: Tensor) -> Tensor:
    """``log min(1, pi / mu)`` of each sequence [B] in nats, without gradient; at most 0, so ``exp`` stays finite."""
    return k1(logp.detach(), old_logp, mask).clamp(max=0)


def tapered_deviations(values: Tensor, log_weights: Tensor, group: Tensor) -> Tensor:
    """``w (v - v_w) G / (G - 1)`` [B], where ``v_w`` is the mean of the group's values under the weights ``w``.

    values [B], log_weights [B] finite and at most 0, group [B]. If all weights are 1, this is the value minus the mean
    of the others. Weights are normalised in log space, so ``v_w`` is never 0 / 0.
    Raises ValueError if a group has a single completion.
    """
    refuse_singletons(group)
    same = same_group(group)
    shares = torch.where(same, log_weights[None, :], -torch.inf).softmax(-1)
    mean = torch.where(same, shares * values[None, :], 0.0).sum(-1)
    sizes = same.sum(-1)
    return log_weights.exp() * (values - mean) * sizes / (sizes - 1)


def soft_value(rewards: Tensor, beta: float, counted: Tensor) -> Tensor:
    """``beta log mean exp(r / beta)`` over the last dimension, in reward: [B, N] -> [B].

    If all rewards of a row are equal, this is that reward exactly. ``counted`` [B, N] bool: the rewards that count, at
    least one in each row.
    """
    best = torch.where(counted, rewards, -torch.inf).amax(-1, keepdim=True)
    powers = torch.where(counted, ((rewards - best) / beta).exp(), 0.0)
    return best.squeeze(-1) + beta * (powers.sum(-1) / counted.sum(-1)).log()


def group_variance(values: Tensor, group: Tensor) -> Tensor:
    """Sample variance (ddof = 1) of each completion's own group: values [B], group [B] -> [B].

    Raises ValueError where a group has a single completion.
    """
    refuse_singletons(group)
    deviations = values - group_mean(values, group)
    return _sum_where(same_group(group), deviations**2) / (group_sizes(group) - 1)


def group_std(values: Tensor, group: Tensor) -> Tensor:
    """Sample standard deviation (ddof = 1), like ``group_variance``. Do not differentiate it, because of sqrt at 0."""
    return group_variance(values, group).sqrt()


def regularised_reward(rewards: Tensor, logp: Tensor, ref_logp: Tensor, mask: Tensor, beta: float) -> Tensor:
    """``R = r - beta * (l - ref_l)`` [B] without gradient; beta in reward per nat of sequence log-ratio."""
    return rewards - beta * k1(logp.detach(), ref_logp, mask)


def policy_gradient(advantages: Tensor, sequence_logp: Tensor, sequences: int) -> Tensor:
    """``-sum_i stopgrad(A_i) l_i / sequences`` []. Both tensors are [B]; ``sequences`` counts the whole step."""
    return -(advantages.detach() * sequence_logp).sum() / sequences


def capped_ratio(logp: Tensor, old_logp: Tensor, mask: Tensor, cap: float) -> tuple[Tensor, Tensor]:
    """``min(pi / mu, cap)`` of each token [B, T], without gradient and 1 at padding, and where the cap applies."""
    ratio = token_log_ratio(logp.detach(), old_logp, mask).exp()  # may be infinite, which the cap handles
    return ratio.clamp(max=cap), ratio > cap


def clipped_surrogate(
    ratio: Tensor, advantages: Tensor, low: float, high: float, centre: Tensor | float = 1.0
) -> tuple[Tensor, Tensor]:
    """``-min(ratio A, clip(ratio, centre - low, centre + high) A)``, and where the clip is active; shaped like ratio.

    Ratio and advantages broadcast: [B, T] and [B, 1] for tokens, [B] and [B] for whole sequences.
    As published, a growing ratio is not clipped if the advantage is negative, so the loss is unbounded there.
    Source: Schulman et al. 2017, arXiv 1707.06347, equation 7.
    """
    free = ratio * advantages
    bounded = ratio.clamp(min=centre - low).clamp(max=centre + high) * advantages
    return -torch.minimum(free, bounded), bounded < free


def gae(rewards: Tensor, values: Tensor, mask: Tensor, decay: float) -> Tensor:
    """Generalised advantage estimates [B, T] without discount, 0 at padding; ``decay`` is the paper's lambda.

    rewards [B, T] of each token, values [B, T] of the state before it, mask [B, T] with padding only on the right.
    The state after the last sampled token has value 0.
    Source: Schulman et al. 2016, arXiv 1506.02438, equation 16.
    """
    following = advantage = torch.zeros_like(rewards[:, 0])
    advantages = []
    for t in reversed(range(mask.shape[1])):
        sampled = mask[:, t]
        surprise = rewards[:, t] + following - values[:, t]
        advantage = torch.where(sampled, surprise + decay * advantage, 0.0)
        following = torch.where(sampled, values[:, t], following)
        advantages.append(advantage)
    return torch.stack(advantages[::-1], dim=-1)


def _sum_where(pairs: Tensor, values: Tensor) -> Tensor:
    return torch.where(pairs, values[None, :], 0.0).sum(-1)


def weigh_gradient(logp: Tensor, weight: Tensor) -> Tensor:
    """``logp`` [B, T] unchanged, but its gradient is multiplied by the constant ``weight`` [B, T].

    So the gradient of any loss of ``logp`` is weighted per token, without changes to the loss.
    """
    return logp.detach() + weight.detach() * (logp - logp.detach())


def truncated_importance(logp: Tensor, sampler_logp: Tensor, cap: float) -> Tensor:
    """``min(exp(logp - sampler_logp), cap)`` [B, T], for samplers whose probabilities differ from the trainer's.

    Source: Yao et al. 2025, "Your Efficient RL Framework Secretly Brings You Off-Policy RL Training".
    """
    return (logp - sampler_logp).exp().clamp(max=cap)


def icepop_weights(logp: Tensor, sampler_logp: Tensor, low: float, high: float) -> Tensor:
    """``exp(logp - sampler_logp)`` [B, T] if it is between ``low`` and ``high``, both included, and 0 otherwise.

    Source: Ling team 2025, "Every Step Evolves", arXiv 2510.18855 (IcePop). As in other frameworks, the bounds apply to
    the ratio itself.
    """
    weight = (logp - sampler_logp).exp()
    return torch.where((weight >= low) & (weight <= high), weight, 0.0)


def sequence_mask_weights(logp: Tensor, sampler_logp: Tensor, mask: Tensor, low: float, high: float) -> Tensor:
    """[B, 1] 1 if the geometric mean of a completion's token ratios is between ``low`` and ``high``, 0 otherwise.

    Both ends are included. Source: Liu, Li et al. 2025, "When Speed Kills Stability" (geometric sequence masking).
    """
    log_mean = token_log_ratio(logp, sampler_logp, mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
    mean = log_mean.exp()
    return ((mean >= low) & (mean <= high)).to(logp.dtype)
