"""An engine that cannot sample from a model, or samples from another one, is refused before it samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import harness.rollout.engines as engines
from harness.config.settings import ComputeSettings, ModelSettings
from harness.errors import HarnessError
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.rollout.engines import make_engine
from harness.rollout.engines.engine import Sampling
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.rollout.groups import Completion
from tests.support.families import make

CONTEXT = 48
INIT = {"trocr": {"init_std": 0.005}}
Change = Callable[[Completion], Completion]


def load(folder: Path, dtype: str = "float32") -> Policy:
    return load_policy(ModelSettings.model_validate({"path": str(folder), "device": "cpu", "dtype": dtype}), 1.0)


def off_by(nats: float) -> Change:
    return lambda one: replace(one, logp=tuple(logp + nats for logp in one.logp))


def one_token_off(one: Completion) -> Completion:
    return replace(one, logp=(*one.logp[:-1], one.logp[-1] - 0.05))


def not_a_number(one: Completion) -> Completion:
    return replace(one, logp=(float("nan"), *one.logp[1:]))


def broken(one: Completion) -> Completion:
    raise IndexError("list index\nout of range")


def install(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    class Engine(TransformersEngine):
        def generate(
            self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, seed: int, first: int = 0
        ) -> list[tuple[Completion, ...]]:
            assert all(len(prompt) + sampling.max_tokens <= CONTEXT for prompt in prompts)
            return [tuple(map(change, group)) for group in super().generate(prompts, n, sampling, seed, first)]

    monkeypatch.setitem(engines.ENGINES, "transformers", lambda policy, *_: Engine(policy, sample_batch=8))


@pytest.mark.parametrize("spread", [0.2, 0.02], ids=["trained", "fresh"])
@pytest.mark.parametrize(
    ("dtype", "change", "sentence"),
    [
        ("float32", off_by(0.0), None),
        ("float32", off_by(1e-4), None),
        ("float32", off_by(0.05), "another distribution"),
        ("float32", one_token_off, "another distribution"),
        ("float32", not_a_number, "another distribution"),
        ("float32", broken, r"cannot sample from this model \(IndexError: list index out of range\)"),
        ("bfloat16", off_by(0.0), None),
        ("bfloat16", off_by(1.0), "another distribution"),
        ("bfloat16", not_a_number, "another distribution"),
    ],
)
def test_what_an_engine_says_is_held_to_the_policy(
    dtype: str, change: Change, sentence: str | None, spread: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("llama", tmp_path, initializer_range=spread)
    policy = load(tmp_path, dtype)
    install(monkeypatch, change)
    if sentence is None:
        make_engine(policy, ComputeSettings(engine="transformers"), CONTEXT)
        return
    with pytest.raises(HarnessError, match=sentence) as caught:
        make_engine(policy, ComputeSettings(engine="transformers"), CONTEXT)
    assert "\n" not in str(caught.value)


def test_weights_that_an_engine_cannot_take_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(engine: TransformersEngine, policy: Policy) -> None:
        raise KeyError("layers.0.experts.w13_weight")

    monkeypatch.setattr(TransformersEngine, "sync", sync)
    make("llama", tmp_path)
    with pytest.raises(HarnessError, match=r"KeyError: 'layers.0.experts.w13_weight'"):
        make_engine(load(tmp_path), ComputeSettings(engine="transformers"), CONTEXT)


@pytest.mark.parametrize("context", [1, 2, 5, 20, 2000])
def test_it_is_tried_in_every_context(context: int, tmp_path: Path) -> None:
    make("gpt2", tmp_path, n_positions=2048)
    make_engine(load(tmp_path), ComputeSettings(engine="transformers"), context)


@pytest.mark.parametrize("family", ["mamba", "mamba2", "falcon_mamba", "rwkv", "moshi", "trocr"])
def test_fresh_models_whose_logits_are_small_are_tried_as_sharply(family: str, tmp_path: Path) -> None:
    make(family, tmp_path, **INIT.get(family, {"initializer_range": 0.005}))
    policy = load(tmp_path)
    with pytest.raises(HarnessError, match="another distribution"):
        make_engine(policy, ComputeSettings(engine="transformers"), CONTEXT)
