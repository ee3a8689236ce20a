"""What the tasks of lm-eval ask of a model, and what they get."""

from collections.abc import Sequence
from typing import Any

import pytest

from evaluators.lm_eval.generation import Generated, GenerationArgs
from evaluators.types import TaskError

pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install '.[lm-eval]'")

from lm_eval.api.instance import Instance

from evaluators.lm_eval.adapter import GeneratingModel, generation_args

GREEDY: dict[str, Any] = {"until": ["\n"], "do_sample": False}


def nothing(prompts: Sequence[str], args: GenerationArgs) -> list[Generated]:
    raise AssertionError("nothing is to be generated")


def request(prompt: str, doc: int = 0, **changes: Any) -> Instance:
    return Instance("generate_until", {}, (prompt, GREEDY | changes), 0, metadata=("task", doc, 1))


def test_requests_come_back_in_order_and_equal_arguments_together() -> None:
    calls: list[tuple[list[str], GenerationArgs]] = []

    def echo(prompts: Sequence[str], args: GenerationArgs) -> list[Generated]:
        calls.append((list(prompts), args))
        return [Generated(text=f"{p}:{args.max_tokens}", tokens=1, truncated=False) for p in prompts]

    model = GeneratingModel(echo)
    mixed = [request("a", 0), request("b", 1, max_gen_toks=7), request("c", 2), request("d", 3, max_new_tokens=7)]
    assert model.generate_until(mixed) == ["a:256", "b:7", "c:256", "d:7"]
    assert [prompts for prompts, _ in calls] == [["a", "c"], ["b", "d"]]
    assert {doc: [one.text for one in texts] for doc, texts in model.generated.items()}[1] == ["b:7"]


@pytest.mark.parametrize(
    ("wanted", "temperature"),
    [
        ({}, 0),
        ({"do_sample": False, "temperature": 0.7, "top_p": 0.9}, 0),
        ({"do_sample": True}, 1),
        ({"do_sample": True, "temperature": 0.7, "top_p": 1.0}, 0.7),
        ({"temperature": 0.7}, 0.7),
    ],
)
def test_temperatures_are_those_of_lm_eval(wanted: dict[str, Any], temperature: float) -> None:
    args = generation_args({"until": "\n"} | wanted)
    assert args == GenerationArgs(max_tokens=256, stop=("\n",), temperature=temperature)


def test_sampling_is_from_the_likeliest_tokens_that_the_task_asks_for() -> None:
    args = generation_args({"until": "\n", "do_sample": True, "top_p": 0.9, "top_k": 5})
    assert args == GenerationArgs(max_tokens=256, stop=("\n",), temperature=1, top_p=0.9, top_k=5)


def test_an_empty_stop_string_stops_nothing() -> None:
    assert generation_args(GREEDY | {"until": ["", "x"]}).stop == ("x",)


@pytest.mark.parametrize(
    "wanted", [{"min_p": 0.1}, {"num_beams": 4, "do_sample": False}, {"wish": 1}, {"max_gen_toks": 0}]
)
def test_what_no_engine_does_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match=rf"^the lm-eval task asks for [^.\n]*({'|'.join(wanted)}|0 tokens)"):
        generation_args({"do_sample": True, "temperature": 1.0} | wanted)


def test_log_likelihoods_are_refused() -> None:
    for ask in (GeneratingModel(nothing).loglikelihood, GeneratingModel(nothing).loglikelihood_rolling):
        with pytest.raises(TaskError, match="asks for log-likelihoods; name tasks that complete text"):
            ask([request("a")])
