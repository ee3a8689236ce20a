"""A trial of an engine before use: its log-probabilities of its own completions must match those of the policy."""

import copy

import torch

from harness.errors import HarnessError
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.models.trial import COMPLETIONS, apart, named, trial_prompts
from harness.rollout.engines.engine import RolloutEngine, Sampling

COLDEST = 0.02
"""Engines treat lower temperatures as greedy sampling."""
SPREAD = 5.0
"""The largest logit over the temperature. It is large enough to reveal errors, but no token becomes certain."""


def try_out(engine: RolloutEngine, policy: Policy, name: str, context: int) -> None:
    """Give the policy's weights to the engine, and sample a few completions of prompts with different lengths.

    Completions are longer than any sliding window of the model that ``context`` tokens can reach. The logits of an
    untrained model are small, which would hide errors, so a temperature is used that makes them as different as those
    of a trained model.

    Raises:
        HarnessError: the engine cannot sample from this model, or samples from another distribution.
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
        except Exception as error:  # a model's own code may raise anything
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
            f"the engine {name} samples from another distribution than is trained: in a trial, the log-probability of "
            f"a token differs by {gap:.2g} nats; use another engine or model"
        )


def _largest_logit(policy: Policy, prompt: tuple[int, ...]) -> float:
    with policy.in_effect():
        logits = policy.model(input_ids=torch.tensor([prompt], device=policy.device)).logits
    return float(logits.abs().max())
