"""The interface of rollout engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluators.formats import Asking
from evaluators.types import Problem
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.models.policy import Policy
from harness.rollout.groups import Completion, Group
from harness.world import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """Sampling parameters. Temperature 0 is greedy. Training always samples from the full softmax."""

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

        ``first``: the position of the first prompt among all prompts that are sampled with this seed, on all ranks.
        The completions of a prompt depend on its position. A rank must call this even without prompts, because ranks of
        a sharded model exchange weights.
        """
        ...

    def sync(self, policy: Policy) -> None:
        """Sample from the current weights of this policy from now on. Called after each optimiser step."""
        ...

    def release(self) -> None:
        """Free device memory for training. The next :meth:`sync` or :meth:`generate` takes it back."""
        ...


def sampling_of(config: RunConfig, asking: Asking) -> Sampling:
    """The sampling parameters of this run in training."""
    rollout = config.rollout
    return Sampling(temperature=rollout.temperature, max_tokens=rollout.max_tokens, stop=(*rollout.stop, *asking.stop))


def ending_ids(policy: Policy, sampling: Sampling) -> tuple[int, ...]:
    """Tokens that end a completion: those of the model, and stop strings that are special tokens.

    The text of a completion has no special tokens, so such a stop string could not be found in it.
    """
    if not sampling.stop:
        return policy.eos_ids
    special = dict(zip(policy.tokenizer.all_special_tokens, policy.tokenizer.all_special_ids, strict=True))
    return tuple(sorted({*policy.eos_ids, *(special[text] for text in sampling.stop if text in special)}))


def completion_of(policy: Policy, ids: Sequence[int], logp: Sequence[float], sampling: Sampling) -> Completion:
    """A completion from sampled tokens, up to a stop string. It is truncated if only the length limit ended it."""
    text = policy.tokenizer.decode(ids, skip_special_tokens=True)
    cuts = [text.find(stop) for stop in sampling.stop if stop in text]
    ended = bool(cuts) or ids[-1] in ending_ids(policy, sampling)
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
    """Ungraded groups of ``n`` completions per problem. Each rank samples its share, and all ranks get all groups.

    Raises:
        HarnessError: a prompt has no tokens.
    """
    prompts = [policy.encode(problem.prompt, problem.framing) for problem in problems]
    if empty := next((problem.id for problem, prompt in zip(problems, prompts, strict=True) if not prompt), None):
        raise HarnessError(f"the prompt of problem {empty} has no tokens; remove this problem, or use another format")
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
    """The completions of all ranks. Only tokens and log-probabilities are sent; the rest is recomputed."""
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
    """Bytes of keys and values of one sequence of ``context`` tokens, in whole blocks of ``block`` tokens."""
    shape = policy.model.config.get_text_config()
    head = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    heads = getattr(shape, "num_key_value_heads", None) or shape.num_attention_heads
    tokens = -(-context // block) * block
    return int(2 * shape.num_hidden_layers * heads * head * policy.dtype.itemsize * tokens)
