"""What every rollout engine does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluators.formats import Asking
from evaluators.types import Problem
from harness.config.run_config import RunConfig
from harness.models.policy import Policy
from harness.rollout.groups import Completion, Group


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
        self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, seed: int
    ) -> list[tuple[Completion, ...]]:
        """``n`` completions of each prompt, in order. The same weights and seed give the same completions."""
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
    engine: RolloutEngine, policy: Policy, problems: Sequence[Problem], n: int, sampling: Sampling, seed: int
) -> list[Group]:
    """``n`` completions of each problem, not graded yet."""
    prompts = [policy.encode(problem.prompt, problem.framing) for problem in problems]
    return [
        Group(problem=problem, prompt_ids=prompt, completions=completions)
        for problem, prompt, completions in zip(
            problems, prompts, engine.generate(prompts, n, sampling, seed), strict=True
        )
    ]


def kv_bytes_of(policy: Policy, context: int, block: int = 1) -> int:
    """Keys and values of one sequence of ``context`` tokens, in whole blocks of ``block`` tokens."""
    shape = policy.model.config.get_text_config()
    head = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    heads = getattr(shape, "num_key_value_heads", None) or shape.num_attention_heads
    tokens = -(-context // block) * block
    return int(2 * shape.num_hidden_layers * heads * head * policy.dtype.itemsize * tokens)
