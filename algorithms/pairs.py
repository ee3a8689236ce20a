"""Pairs of a better and a worse completion of one prompt, for preference objectives."""

from typing import Literal

import torch
from torch import Tensor

from algorithms.checks import present
from algorithms.ops import group_sizes, k1, refuse_singletons, same_group
from algorithms.types import Batch

Pairing = Literal["all", "best_vs_worst", "random"]


def pair_requires(pairing: Pairing) -> frozenset[str]:
    """The reference and a group; draws for a random pair."""
    always = frozenset({"ref_logp", "group"})
    return always | {"draws"} if pairing == "random" else always


def pair_weights(batch: Batch, pairing: Pairing) -> Tensor:
    """[B, B] weights of pairs: the winner is the row, the loser the column. They sum to 1 per prompt, or to 0 if tied.

    Any two completions of a prompt with different rewards are a pair. "best_vs_worst" keeps the pairs of the highest
    with the lowest reward, and "random" keeps a single pair. Raises ValueError for a prompt with one completion.
    """
    refuse_singletons(batch.group)
    together = same_group(batch.group)
    beats = together & (batch.rewards[:, None] > batch.rewards[None, :])
    match pairing:
        case "best_vs_worst":
            best, worst = ~beats.any(0), ~beats.any(1)
            beats = beats & best[:, None] & worst[None, :]
        case "random":
            beats = _one_of_each_prompt(beats, together, present("draws", batch.draws))
    pairs = (together * beats.sum(1)).sum(1)  # [B] the number of pairs in each completion's prompt
    return beats / pairs.clamp(min=1)[:, None].to(batch.rewards.dtype)


def pair_margins(logp: Tensor, batch: Batch, normalise_length: bool = False) -> Tensor:
    """``(l_i - ref_l_i) - (l_j - ref_l_j)`` [B, B] in nats; per token if ``normalise_length``."""
    log_ratio = k1(logp, present("ref_logp", batch.ref_logp), batch.mask)
    if normalise_length:
        log_ratio = log_ratio / batch.mask.sum(-1).clamp(min=1)
    return log_ratio[:, None] - log_ratio[None, :]


def pair_mean(values: Tensor, weights: Tensor, batch: Batch) -> Tensor:
    """Mean [] of values [B, B] over the pairs of each prompt, then over the step's prompts. Tied prompts count as 0."""
    return (weights * values).sum() / batch.denominators.groups


def pair_metrics(margins: Tensor, weights: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Metrics as means over the step's prompts. Tied prompts contribute 0, and their share is a metric too."""
    margins = margins.detach()
    tied = 1 - (same_group(batch.group) * weights.sum(1)).sum(1)  # [B] 1 if the completion's prompt is tied
    return {
        "pairs": (weights > 0).to(weights.dtype).sum() / batch.denominators.groups,
        "tied_groups": (tied / group_sizes(batch.group)).sum() / batch.denominators.groups,
        "margin": pair_mean(margins, weights, batch),
        "pair_accuracy": pair_mean((margins > 0).to(margins.dtype), weights, batch),
    }


def _one_of_each_prompt(beats: Tensor, together: Tensor, draws: Tensor) -> Tensor:
    """[B, B] bool: one pair of each prompt, drawn uniformly. The order of the completions does not matter.

    Each completion has an exponential waiting time, whose rate is the number of completions that it beats. The
    completion with the shortest time is the winner, with a probability proportional to its number of pairs. The
    remaining times of the others are exponential again, because the distribution is memoryless. So the smallest
    remaining time among those that the winner beats is a uniformly drawn loser.
    """
    clock = -torch.log1p(-draws)
    speed = beats.sum(1)
    ring = torch.where(speed > 0, clock / speed, torch.inf)
    first = torch.where(together, ring[None, :], torch.inf).amin(1)
    left = clock - speed * first  # NaN in a tied prompt, which has no winner
    of_winner = beats & (ring == first)[:, None]
    least = torch.where(of_winner, left[None, :], torch.inf).amin(1, keepdim=True)
    return of_winner & (left[None, :] == least)
