"""An engine is tried before it is used: what it says of its own completions must be what the policy says of them."""

import copy

import torch

from harness.errors import HarnessError
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.models.trial import COMPLETIONS, apart, named, trial_prompts
from harness.rollout.engines.engine import RolloutEngine, Sampling

COLDEST = 0.02
"""Engines take temperatures below it for greedy sampling."""
SPREAD = 5.0
"""The largest logit over the temperature: apart enough for errors to show, near enough for no token to be certain."""


def try_out(engine: RolloutEngine, policy: Policy, name: str, context: int) -> None:
    """Hand over the policy's weights, and sample a few completions behind ragged prompts, past every window of the
    model that ``context`` tokens reach.

    A fresh model's logits are small, which would hide what is wrong: it is sampled at a temperature at which they are
    as far apart as a trained model's.

    Raises:
        HarnessError: the engine cannot sample from this model, or samples from another one.
    """
    prompts = trial_prompts(policy, context)
    with torch.no_grad():
        tried = copy.copy(policy)
        tried.temperature = min(1.0, max(COLDEST, _largest_logit(policy, prompts[-1]) / SPREAD))
        tokens = max(1, min(max(COMPLETIONS), context - len(prompts[-1])))
        sampling = Sampling(temperature=tried.temperature, max_tokens=tokens)
        try:
            engine.sync(policy)
            groups = engine.generate(prompts, 2, sampling, 0, first=0)
        except HarnessError:
            raise
        except Exception as error:  # of a model's own code, whatever it raises
            raise HarnessError(
                f"the engine {name} cannot sample from this model ({named(error)}); use another engine or model"
            ) from error
        pairs = [(prompt, completion) for prompt, group in zip(prompts, groups, strict=True) for completion in group]
        sequences = Sequences.of([(prompt, completion.ids) for prompt, completion in pairs])
        expected = tried.logp(sequences)[sequences.mask.to(policy.device)]
        found = torch.tensor([logp for _, completion in pairs for logp in completion.logp], device=policy.device)
    if apart(found, expected, policy.dtype):
        gap = float((found - expected).abs().max())
        raise HarnessError(
            f"the engine {name} samples from another distribution than is trained: a token's log-probability differs "
            f"by {gap:.2g} nats on trial; use another engine or model"
        )


def _largest_logit(policy: Policy, prompt: tuple[int, ...]) -> float:
    with policy.in_effect():
        logits = policy.model(input_ids=torch.tensor([prompt], device=policy.device)).logits
    return float(logits.abs().max())
