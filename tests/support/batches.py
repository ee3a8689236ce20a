"""Random batches with several tokens, ways to cut them, and the objectives that every rule is tested on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from algorithms import OBJECTIVES
from algorithms.agro import AGRO
from algorithms.agro_tapered import AGROTapered
from algorithms.constrained import Constrained
from algorithms.dpo import DPO
from algorithms.dr_grpo import DrGRPO
from algorithms.geppo import GEPPO
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.ipo import IPO
from algorithms.kto import KTO
from algorithms.m2po import M2PO
from algorithms.pmd import PMD
from algorithms.ppo import PPO
from algorithms.reinforce import Reinforce
from algorithms.reinforce_pp import ReinforcePP
from algorithms.robust import Robust
from algorithms.rpo import RPO
from algorithms.step import step_totals
from algorithms.topr import TOPR
from algorithms.types import Batch, Denominators, LossOutput, Objective, PolicyOutput

CASES: dict[str, Objective] = {name: objective() for name, objective in OBJECTIVES.items()} | {
    "agro_on_policy": AGRO(form="on_policy"),
    "agro_tapered_off": AGROTapered(taper=False, delta=0.0),
    "agro_tapered_softly": AGROTapered(power=0.5),
    "reinforce_delta": Reinforce(delta=0.1),
    "grpo_delta": GRPO(delta=0.1),
    "grpo_token_mean": GRPO(aggregate="token_mean", clip_high=0.28, beta_kl=0.0),
    "grpo_constant": GRPO(aggregate="constant", normalise_std=False),
    "dr_grpo_kl": DrGRPO(beta_kl=0.04),
    "gspo_kl": GSPO(beta_kl=0.04, clip_low=0.1, clip_high=0.2),
    "reinforce_batch_mean": Reinforce(baseline="batch_mean", kl="k3"),
    "reinforce_no_baseline": Reinforce(baseline="none", beta=0.0),
    "ppo_plain": PPO(beta=0.0, whiten=False),
    "geppo_plain": GEPPO(beta=0.0, whiten=False, gae_lambda=1.0),
    "dpo_best_vs_worst": DPO(pairing="best_vs_worst", label_smoothing=0.1),
    "dpo_random": DPO(pairing="random"),
    "ipo_random": IPO(pairing="random"),
    "rpo_random": RPO(pairing="random", eta=1.0),
    "topr_no_kl": TOPR(beta=0.0),
    "ipo_length": IPO(normalise_length=True),
    "pmd_length": PMD(normalise_length=True),
    "reinforce_pp_baseline": ReinforcePP(baseline=True),
    "reinforce_pp_plain": ReinforcePP(beta=0.0),
    "m2po_tight": M2PO(tau=0.001),
    "m2po_outward": M2PO(judged="outward", tau=0.01),
    "kto_weighted": KTO(beta=1.0, desirable_above=0.3, desirable_weight=2.0, undesirable_weight=0.5),
    "robust_agro": Robust(inner=AGRO(), kind="chi_square", radius=0.02),
    "robust_grpo": Robust(inner=GRPO(), kind="kl", radius=0.1),
    "robust_ppo": Robust(inner=PPO(), kind="cvar", radius=0.7),
    "robust_dpo": Robust(inner=DPO(), kind="chi_square", radius=0.4),
    "robust_m2po": Robust(inner=M2PO(), kind="kl", radius=5.0),
    "robust_kto": Robust(inner=KTO(), kind="cvar", radius=0.3),
    "robust_constrained": Robust(
        inner=Constrained(inner=Reinforce(), quantity="kl", limit=0.5), kind="chi_square", radius=0.01
    ),
    "constrained_m2po": Constrained(inner=M2PO(), quantity="length", limit=2.0),
    "constrained_agro": Constrained(inner=AGRO(), quantity="kl", limit=0.5),
    "constrained_grpo": Constrained(inner=GRPO(), quantity="length", limit=2.0),
    "constrained_ppo": Constrained(inner=PPO(), quantity="length", limit=3.0),
    "constrained_dpo": Constrained(inner=DPO(), quantity="kl", limit=1.0),
    "constrained_reinforce": Constrained(inner=Reinforce(baseline="batch_mean"), quantity="length", limit=3.0),
}
"""Every objective with its default settings, and the variants that take another path in the code."""

TOKEN_FIELDS = ("old_logp", "start_logp", "current_logp", "ref_logp", "old_values")
"""[B, T], like ``mask``."""
COMPLETION_FIELDS = ("draws", "mismatched_log_ratio", "ref_rewards")
"""[B], like ``rewards``, or [B, N]."""


def random_batch(sizes: Sequence[int] = (4, 2, 3), tokens: int = 6, seed: int = 0) -> tuple[PolicyOutput, Batch]:
    """Groups of these sizes in float64. ``policy.logp`` and ``policy.values`` are leaves that require gradients."""
    generator, another = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    shape = (sum(sizes), tokens)

    def normal(scale: float) -> Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    lengths = torch.randint(1, tokens + 1, (sum(sizes), 1), generator=generator)
    mask = torch.arange(tokens) < lengths
    logp = normal(1.0) - 3.0
    group = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    rewards = torch.rand(sum(sizes), generator=generator, dtype=torch.float64)
    batch = Batch(
        mask=mask,
        rewards=rewards,
        group=group,
        truncated=lengths.squeeze(1) == tokens,
        denominators=Denominators(
            sequences=sum(sizes),
            tokens=int(mask.sum()),
            groups=len(sizes),
            max_tokens=10,
            reward_mean=float(rewards.mean()),
        ),
        old_logp=logp + normal(0.3),
        start_logp=logp + normal(0.2),
        ref_logp=logp + normal(0.3),
        old_values=normal(1.0),
        draws=torch.rand(sum(sizes), generator=generator, dtype=torch.float64),
        current_logp=logp + 0.2 * torch.randn(shape, generator=another, dtype=torch.float64),
        mismatched_log_ratio=torch.rand(sum(sizes), generator=another, dtype=torch.float64),
        ref_rewards=torch.rand((len(sizes), 5), generator=another, dtype=torch.float64)[group],
        state={"constraint_multiplier": 0.2, "constraint_penalty": 0.3},
    )
    return PolicyOutput(logp=logp.requires_grad_(), values=normal(1.0).requires_grad_()), batch


def take(policy: PolicyOutput, batch: Batch, rows: Tensor) -> tuple[PolicyOutput, Batch]:
    """These rows of the batch, in this order, with the denominators of the whole step."""

    def cut(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[rows]

    names = ("mask", "rewards", "group", "truncated", *TOKEN_FIELDS, *COMPLETION_FIELDS)
    rows_of: dict[str, Any] = {name: cut(getattr(batch, name)) for name in names}
    return PolicyOutput(logp=policy.logp[rows], values=cut(policy.values)), replace(batch, **rows_of)


def with_totals(objective: Objective, *parts: Batch) -> list[Batch]:
    """The micro-batches of one step, each with the totals that the objective needs about all of them."""
    totals = step_totals(objective, parts)
    return [replace(part, totals=totals) for part in parts]


def step_loss(objective: Objective, policy: PolicyOutput, batch: Batch) -> LossOutput:
    """The output for a batch that is a complete step."""
    (batch,) = with_totals(objective, batch)
    return objective.loss(policy, batch)


def gradients(loss: Tensor, policy: PolicyOutput) -> Tensor:
    """[2, B, T] Gradients for the log-probabilities and the values. They are 0 if the loss does not use them."""
    leaves = [policy.logp] if policy.values is None else [policy.logp, policy.values]
    return torch.stack(torch.autograd.grad(loss, leaves, retain_graph=True, allow_unused=True, materialize_grads=True))


def tokens(log_ratios: list[list[float]], rewards: list[float], lengths: list[int]) -> tuple[PolicyOutput, Batch]:
    """One group. Its log-ratios to the behaviour policy are given for each token."""
    logp = torch.tensor(log_ratios, dtype=torch.float64) - 1.0
    mask = torch.arange(logp.shape[1]) < torch.tensor(lengths)[:, None]
    batch = Batch(
        mask=mask,
        rewards=torch.tensor(rewards, dtype=torch.float64),
        group=torch.zeros(len(rewards), dtype=torch.int64),
        truncated=torch.zeros(len(rewards), dtype=torch.bool),
        denominators=Denominators(sequences=len(rewards), tokens=sum(lengths), groups=1, max_tokens=8, reward_mean=0.5),
        old_logp=torch.full_like(logp, -1.0),
        ref_logp=torch.full_like(logp, -1.0),
    )
    return PolicyOutput(logp=logp.requires_grad_()), batch
