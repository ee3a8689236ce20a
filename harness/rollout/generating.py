"""Text generation with an engine, for evaluators such as lm-evaluation-harness."""

from collections.abc import Sequence

from evaluators.lm_eval.generation import Generate, Generated, GenerationArgs
from harness.errors import HarnessError
from harness.models.policy import Policy
from harness.rollout.engines.engine import RolloutEngine, Sampling


def generate_with(engine: RolloutEngine, policy: Policy, seed: int) -> Generate:
    """A function that generates continuations with the engine's current weights.

    The same prompts, arguments and seed give the same continuations. Prompts are used as they are, without a chat
    template, but with the tokens that the tokenizer adds in front of any text. The function raises ``HarnessError`` if
    a prompt and its continuation do not fit into the model's context.
    """

    def generate(prompts: Sequence[str], args: GenerationArgs) -> list[Generated]:
        ids = [tuple(policy.tokenizer.encode(prompt)) for prompt in prompts]
        _check_fit(policy, max(map(len, ids)), args.max_tokens)
        sampling = Sampling(
            temperature=args.temperature,
            max_tokens=args.max_tokens,
            stop=args.stop,
            top_p=args.top_p,
            top_k=args.top_k,
        )
        return [
            Generated(text=one.text, tokens=len(one.ids), truncated=one.truncated)
            for (one,) in engine.generate(ids, 1, sampling, seed)
        ]

    return generate


def _check_fit(policy: Policy, prompt: int, completion: int) -> None:
    limit = policy.context_limit
    if limit and prompt + completion > limit:
        raise HarnessError(
            f"a prompt of {prompt} tokens and an answer of up to {completion} exceed the model's context of {limit}; "
            "choose a task with shorter prompts or answers, or a model with a longer context"
        )
