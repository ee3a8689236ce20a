"""An lm-eval model around a function that generates texts. Needs lm-evaluation-harness, an extra."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from lm_eval.api.model import LM
from lm_eval.defaults import DEFAULT_MAX_GEN_TOKS
from lm_eval.models.utils import normalize_gen_kwargs

from evaluators.lm_eval.generation import Generate, Generated, GenerationArgs
from evaluators.types import TaskError

WITHOUT_EFFECT = {"min_p": 0, "num_beams": 1, "repetition_penalty": 1, "seed": None}
"""Other options of lm-eval tasks, each with the value that has no effect."""
OF_SAMPLING = ("min_p", "seed")
"""The options that have no effect on greedy decoding."""


class GeneratingModel(LM):  # type: ignore[misc]  # lm-eval's classes are untyped to us
    """A model that only completes text, and keeps the generated texts of each document of the task."""

    def __init__(self, generate: Generate) -> None:
        super().__init__()
        self._generate = generate
        self.generated: dict[int, list[Generated]] = {}

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """One text a request, in order; requests with equal arguments are generated together."""
        alike: dict[GenerationArgs, list[int]] = {}
        for place, request in enumerate(requests):
            alike.setdefault(generation_args(request.args[1]), []).append(place)
        done: dict[int, Generated] = {}
        for args, places in alike.items():
            prompts = [requests[place].args[0] for place in places]
            done |= zip(places, self._generate(prompts, args), strict=True)
        for place, request in enumerate(requests):
            self.generated.setdefault(request.doc_id, []).append(done[place])
        return [done[place].text for place in range(len(requests))]

    def loglikelihood(self, requests: Sequence[Any]) -> NoReturn:
        raise TaskError("the lm-eval task asks for log-likelihoods; name tasks that complete text, such as gsm8k_local")

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> NoReturn:
        self.loglikelihood(requests)


def generation_args(wanted: Mapping[str, Any]) -> GenerationArgs:
    """The ``generation_kwargs`` of an lm-eval task; 256 tokens if it has no limit, as in lm-eval.

    Raises:
        TaskError: they ask for something that no engine supports, such as beam search.
    """
    rest = dict(normalize_gen_kwargs(dict(wanted), DEFAULT_MAX_GEN_TOKS))
    sampled = rest.pop("do_sample")
    temperature = float(rest.pop("temperature", 1 if sampled else 0))
    top_p, top_k = rest.pop("top_p", None), rest.pop("top_k", None)
    args = GenerationArgs(
        max_tokens=rest.pop("max_gen_toks"),
        stop=tuple(text for text in rest.pop("until") if text),  # an empty one would stop at once
        temperature=temperature,
        top_p=float(top_p) if top_p and temperature else 1.0,
        top_k=max(0, int(top_k)) if top_k and temperature else 0,
    )
    for name, value in rest.items():
        harmless = value is None or (name in WITHOUT_EFFECT and value == WITHOUT_EFFECT[name])
        if not (harmless or (args.temperature == 0 and name in OF_SAMPLING)):
            raise TaskError(
                f"the lm-eval task asks for {name}={value!r}, which the engines do not support; set it to "
                f"{WITHOUT_EFFECT.get(name)!r} in a YAML file of your own that includes that of the task"
            )
    if args.max_tokens < 1 or args.temperature < 0:
        raise TaskError(
            f"the lm-eval task asks for {args.max_tokens} tokens at temperature {args.temperature}; change the task"
        )
    return args
