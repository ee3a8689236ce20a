"""What every rollout engine does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluators.formats import Asking
from evaluators.types import Problem
from harness.config.run_config import RunConfig
from harness.models.policy import Policy
from harness.rollout.groups import Completion, Group
from harness.world import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are drawn at ``temperature``, 0 is greedy; from the full softmax in all training."""

    temperature: float
    max_tokens: int
    stop: tuple[str, ...] = ()
    top_p: float = 1.0
    top_k: int = 0


class RolloutEngine(Protocol):
    """Samples completions of a policy."""

    def generate(
        self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, seed: int, first: int = 0
    ) -> list[tuple[Completion, ...]]:
        """``n`` completions of each prompt, in order. The same weights and seed give the same completions.

        ``first`` is the place of the first prompt among all that are sampled with this seed, on any rank: what is
        drawn for a prompt is a function of its place there. A rank asks even where it has no prompts: those that hold
        a model in shards hand each other weights.
        """
        ...

    def sync(self, policy: Policy) -> None:
        """Sample from this policy, as its weights are now; called after each optimiser step."""
        ...

    def release(self) -> None:
        """Leave the device's memory to training; the next :meth:`sync` or :meth:`generate` takes it back."""
        ...


def sampling_of(config: RunConfig, asking: Asking) -> Sampling:
    """How this run's completions are drawn in training."""
    rollout = config.rollout
    return Sampling(temperature=rollout.temperature, max_tokens=rollout.max_tokens, stop=(*rollout.stop, *asking.stop))


def completion_of(policy: Policy, ids: Sequence[int], logp: Sequence[float], sampling: Sampling) -> Completion:
    """The sampled tokens as text, cut before a stop string; truncated where nothing ended them but the limit."""
    text = policy.tokenizer.decode(ids, skip_special_tokens=True)
    cuts = [text.find(stop) for stop in sampling.stop if stop in text]
    ended = bool(cuts) or ids[-1] in policy.eos_ids
    return Completion(
        ids=tuple(ids),
        logp=tuple(logp),
        text=text[: min(cuts)] if cuts else text,
        truncated=len(ids) == sampling.max_tokens and not ended,
    )


def sample_groups(
    engine: RolloutEngine,
    policy: Policy,
    problems: Sequence[Problem],
    n: int,
    sampling: Sampling,
    seed: int,
    world: World = ALONE,
) -> list[Group]:
    """``n`` completions of each problem, not graded yet; each rank samples its share, and has all of them."""
    prompts = [policy.encode(problem.prompt, problem.framing) for problem in problems]
    places = world.scatter(range(len(prompts)))
    mine = engine.generate([prompts[i] for i in places], n, sampling, seed, places[0] if places else 0)
    return [
        Group(problem=problem, prompt_ids=prompt, completions=completions)
        for problem, prompt, completions in zip(
            problems, prompts, _gathered(mine, n, policy, sampling, world), strict=True
        )
    ]


def _gathered(
    mine: list[tuple[Completion, ...]], n: int, policy: Policy, sampling: Sampling, world: World
) -> list[tuple[Completion, ...]]:
    """All ranks' completions: tokens and log-probabilities travel, and all else is made of them again."""
    if world.size == 1:
        return mine
    rows = [completion for group in mine for completion in group]
    ids = np.fromiter((token for row in rows for token in row.ids), np.uint32)
    logp = np.fromiter((value for row in rows for value in row.logp), np.float32)
    narrow = ids.astype(np.min_scalar_type(ids.max(initial=0)))
    found = []
    for lengths, tokens, values in world.gather([([len(row.ids) for row in rows], narrow, logp)]):
        ends = np.cumsum(lengths, dtype=np.int64)[:-1]
        parts = zip(np.split(tokens, ends), np.split(values, ends), strict=True) if lengths else ()
        found += [completion_of(policy, of_row.tolist(), logps.tolist(), sampling) for of_row, logps in parts]
    return [tuple(found[i : i + n]) for i in range(0, len(found), n)]


def kv_bytes_of(policy: Policy, context: int, block: int = 1) -> int:
    """Keys and values of one sequence of ``context`` tokens, in whole blocks of ``block`` tokens."""
    shape = policy.model.config.get_text_config()
    head = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    heads = getattr(shape, "num_key_value_heads", None) or shape.num_attention_heads
    tokens = -(-context // block) * block
    return int(2 * shape.num_hidden_layers * heads * head * policy.dtype.itemsize * tokens)
