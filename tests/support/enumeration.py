"""Every group of K = 4 completions, weighted by its probability. This gives expectations without sampling noise.

N is the number of prompts, each with its own rewards, reference and behaviour policy. K is the number of completions
of a prompt. A policy is a whole distribution over them: [N, K] log-probabilities.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from algorithms.types import Batch, Denominators, Objective, PolicyOutput

K = 4
SPELLINGS = ["one_token", "prefix_code"]

assert_exact = partial(torch.testing.assert_close, rtol=1e-10, atol=1e-12)


@dataclass(frozen=True, kw_only=True)
class Problems:
    """Random bandit problems over K completions."""

    rewards: Tensor
    """[N, K]"""
    ref: Tensor
    """[N, K] Log-probabilities of the reference."""

    def optimum(self, beta: float) -> Tensor:
        """[N, K] Log-probabilities proportional to ``ref exp(r / beta)``."""
        return (self.ref + self.rewards / beta).log_softmax(-1)

    def regularised(self, log_policy: Tensor, beta: float) -> Tensor:
        """[N, K] ``r - beta (log pi - log ref)``."""
        return self.rewards - beta * (log_policy - self.ref)

    def objective(self, log_policy: Tensor, beta: float) -> Tensor:
        """``J``, the mean of ``E_pi[r] - beta KL(pi || ref)`` over prompts."""
        return (log_policy.exp() * self.regularised(log_policy, beta)).sum(-1).mean()


def random_logits(seed: int, prompts: int = 3) -> Tensor:
    """[N, K] In float64, with gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(prompts, K, generator=generator, dtype=torch.float64).requires_grad_()


def random_distribution(seed: int, prompts: int = 3) -> Tensor:
    """[N, K] Log-probabilities."""
    return random_logits(seed, prompts).detach().log_softmax(-1)


def random_problems(seed: int, prompts: int = 3) -> Problems:
    generator = torch.Generator().manual_seed(seed)
    rewards = torch.randn(prompts, K, generator=generator, dtype=torch.float64)
    return Problems(rewards=rewards, ref=random_distribution(seed + 1000, prompts))


def spell(log_probs: Tensor, spelling: str) -> tuple[Tensor, Tensor]:
    """Token log-probabilities [N, K, T] and mask [K, T] of completions with these log-probabilities [N, K].

    "prefix_code" writes the completions as 0, 10, 110, 111. So their lengths differ, and the padding holds nonsense.
    """
    if spelling == "one_token":
        return log_probs[..., None], torch.ones(K, 1, dtype=torch.bool)
    at_least = log_probs.flip(-1).logcumsumexp(-1).flip(-1)  # [N, K] log P(completion >= k)
    one = (at_least[:, 1:] - at_least[:, :-1])[:, None]  # [N, 1, T]
    zero = (log_probs - at_least)[:, None, :-1]
    token, completion = torch.arange(K - 1), torch.arange(K)[:, None]
    return torch.where(token < completion, one, zero), token <= completion


def every_group(
    log_policy: Tensor, problems: Problems, behaviour: Tensor, group_size: int, spelling: str
) -> tuple[PolicyOutput, Batch]:
    """All K^G groups of each prompt as one batch.

    The gradient of each group is scaled, and its value is not. So the gradient of the batch is the expectation under
    the behaviour policy.
    """
    prompts = len(problems.rewards)
    choices = torch.cartesian_prod(*[torch.arange(K)] * group_size).view(-1, group_size)  # [K^G, G]
    weight = behaviour[:, choices].sum(-1).exp().flatten() * len(choices)  # [N * K^G], of mean 1
    row = torch.arange(prompts).repeat_interleave(choices.numel()), choices.flatten().repeat(prompts)
    group = torch.arange(prompts * len(choices)).repeat_interleave(group_size)
    logp, mask = spell(log_policy, spelling)
    logp = logp[row]
    fixed = logp.detach()
    batch = Batch(
        mask=mask[row[1]],
        rewards=problems.rewards[row],
        group=group,
        truncated=torch.zeros_like(group, dtype=torch.bool),
        denominators=Denominators(
            sequences=len(group),
            tokens=int(mask[row[1]].sum()),
            groups=len(weight),
            max_tokens=K - 1,
            reward_mean=float((behaviour.exp() * problems.rewards).sum(-1).mean()),
        ),
        old_logp=spell(behaviour, spelling)[0][row],
        start_logp=fixed,
        current_logp=fixed,
        ref_logp=spell(problems.ref, spelling)[0][row],
    )
    return PolicyOutput(logp=fixed + weight[group][:, None] * (logp - fixed)), batch


def expected_gradient(
    objective: Objective,
    logits: Tensor,
    problems: Problems,
    behaviour: Tensor,
    group_size: int = 2,
    spelling: str = "one_token",
) -> Tensor:
    """[N, K] The expected gradient of the loss if groups are drawn from the behaviour policy."""
    policy, batch = every_group(logits.log_softmax(-1), problems, behaviour, group_size, spelling)
    return gradient(objective.loss(policy, batch).loss, logits)


def gradient(value: Tensor, of: Tensor) -> Tensor:
    (result,) = torch.autograd.grad(value, of)
    return result


def descend(objective: Objective, beta: float, prompts: int = 12, steps: int = 800) -> tuple[Tensor, Tensor]:
    """[N] KL(pi || pi*) after exact gradient descent on data of the reference, and [] the largest gradient left."""
    problems = random_problems(0, prompts)
    logits = problems.ref.clone().requires_grad_()
    for _ in range(steps):
        step = prompts * expected_gradient(objective, logits, problems, behaviour=problems.ref)
        logits = (logits - step).detach().requires_grad_()
    log_policy = logits.detach().log_softmax(-1)
    kl = (log_policy.exp() * (log_policy - problems.optimum(beta))).sum(-1)
    return kl, step.abs().max()
