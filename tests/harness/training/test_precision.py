"""bfloat16 passes over float32 weights, adapters, recomputed layers and 8-bit moments: what each may change."""

import copy
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import torch

from algorithms.types import PolicyOutput
from evaluators.types import Problem, Split
from harness.config.arms import build_objective
from harness.config.optimizer import OptimizerSettings
from harness.config.settings import LoraSettings, ModelSettings, PolicySettings
from harness.models.adapters import adapters_off
from harness.models.critic import Critic
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.rollout.engines.engine import Sampling
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.rollout.groups import Group, with_scores
from harness.training.micro_batches import denominators, micro_batches
from harness.training.optimizer import make_optimizer
from tests.support.peak_memory import kept_by
from tests.support.small import history, run_small, small_config

PAIRS = [((4, 13, 5, 14), (2, 9, 1)), ((3, 13, 3, 13, 3, 14), (6, 13, 3, 14, 9, 15, 2, 1)), ((5, 14), (1,))]
LORA = PolicySettings(lora=LoraSettings(rank=4))
SAMPLING = Sampling(temperature=1.0, max_tokens=40)


def load(dtype: str = "float32", training: PolicySettings | None = None) -> Policy:
    settings = ModelSettings.model_validate({"path": "embedded:tiny-arithmetic", "device": "cpu", "dtype": dtype})
    return load_policy(settings, 1.0, training)


def gradient(policy: Policy) -> dict[str, torch.Tensor]:
    policy.model.zero_grad()
    policy.logp(Sequences.of(PAIRS)).sum().backward()
    return {name: p.grad.clone() for name, p in policy.model.named_parameters() if p.grad is not None}


def test_log_probabilities_in_bfloat16_are_float32_and_near() -> None:
    low, high = load("bfloat16").logp(Sequences.of(PAIRS)), load().logp(Sequences.of(PAIRS))
    assert low.dtype is torch.float32
    assert 1e-4 < (low - high).abs().max() < 0.3
    assert {p.dtype for p in load("bfloat16").model.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", [PolicySettings(), LORA], ids=["full", "lora"])
def test_the_reference_is_the_policy_at_the_start_bit_for_bit(dtype: str, training: PolicySettings) -> None:
    """Otherwise every log-ratio has noise, and an objective without any reward learns from rounding."""
    policy = load(dtype, training)
    shared = [*PAIRS, (PAIRS[1][0], (7, 1))]
    with torch.no_grad():
        for sequences in (Sequences.of(PAIRS), Sequences.of(shared)):
            assert torch.equal(policy.logp(sequences), policy.reference().logp(sequences))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", [PolicySettings(), LORA], ids=["full", "lora"])
def test_the_engine_samples_from_what_is_trained(dtype: str, training: PolicySettings) -> None:
    policy = load(dtype, training)
    engine = TransformersEngine(policy, sample_batch=64)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    engine.sync(policy)
    prompts = [policy.encode(question) for question in ("17+8+25=", "3+4+5=")]
    groups = engine.generate(prompts, 8, SAMPLING, seed=1)
    sequences = Sequences.of([(p, c.ids) for p, group in zip(prompts, groups, strict=True) for c in group])
    with torch.no_grad():
        expected = policy.logp(sequences)[sequences.mask]
    found = torch.tensor([x for group in groups for c in group for x in c.logp])
    tolerance = 1e-5 if dtype == "float32" else 0.02  # sums in another order, with and without a cache
    assert float((found - expected).abs().mean()) < tolerance


def test_the_engines_copy_is_empty_while_the_policy_trains_and_holds_only_what_it_converts() -> None:
    policy = load("bfloat16")
    engine = TransformersEngine(policy, sample_batch=8)
    engine.sync(policy)
    first, prompts = held(engine), [policy.encode("17+8+25=")]
    trained = {p.data_ptr() for p in policy.model.parameters()}
    assert {p.dtype for p in first if p.data_ptr() in trained} == {torch.float32}  # norms and embedding
    assert {p.dtype for p in first if p.data_ptr() not in trained} == {torch.bfloat16}
    before = engine.generate(prompts, 4, SAMPLING, 1)
    engine.release()
    assert not any(p.numel() for p in held(engine))
    assert all(p.numel() for p in policy.model.parameters())
    assert engine.generate(prompts, 4, SAMPLING, 1) == before  # it fills the copy again


def held(engine: TransformersEngine) -> list[torch.Tensor]:
    assert engine._copy is not None
    return [*engine._copy.parameters()]


def test_only_adapters_are_trained_and_the_base_stays_the_reference() -> None:
    policy = load(training=LORA)
    reference = policy.reference()
    assert reference.model is policy.model  # no second copy
    before = reference.logp(Sequences.of(PAIRS)).detach()
    assert {name.split(".")[-3] for name in gradient(policy)} == {"lora_A", "lora_B"}
    trained = [p for p in policy.model.parameters() if p.requires_grad]
    assert policy.size.trained == sum(p.numel() for p in trained) < policy.size.parameters / 5
    with torch.no_grad():
        for parameter in trained:
            parameter.add_(0.1)
    assert torch.equal(reference.logp(Sequences.of(PAIRS)).detach(), before)
    assert not torch.allclose(policy.logp(Sequences.of(PAIRS)), before)
    with adapters_off(policy.model):
        pass
    assert all(p.requires_grad for p in trained)


def test_adapters_start_the_same_in_every_run_and_leave_the_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fingerprints = {load(training=LORA).fingerprint() for _ in range(2)}
    assert len(fingerprints) == 1
    assert torch.equal(torch.rand(3), expected)


def test_a_saved_policy_has_its_adapters_merged(tmp_path: Path) -> None:
    policy = load(training=LORA)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(0.01 if parameter.requires_grad else 0)
    policy.save(tmp_path)
    plain = load_policy(ModelSettings(path=str(tmp_path), device="cpu", dtype="float32"), 1.0)
    assert not plain.adapted
    torch.testing.assert_close(plain.logp(Sequences.of(PAIRS)), policy.logp(Sequences.of(PAIRS)), atol=1e-4, rtol=0)
    assert not torch.allclose(plain.logp(Sequences.of(PAIRS)), load().logp(Sequences.of(PAIRS)), atol=1e-2)


@pytest.mark.parametrize(("how", "share"), [(True, 0.5), ("selective", 0.75)])
@pytest.mark.parametrize("training", [PolicySettings(), LORA], ids=["full", "lora"])
def test_recomputed_layers_give_the_same_gradient_for_less_memory(
    training: PolicySettings, how: bool | Literal["selective"], share: float
) -> None:
    plain, thrifty = (
        load(training=training),
        load(training=training.model_copy(update={"gradient_checkpointing": how})),
    )
    kept, all_kept = (kept_by(partial(policy.logp, Sequences.of(PAIRS))) for policy in (thrifty, plain))
    assert kept < share * all_kept
    for name, expected in gradient(plain).items():
        assert torch.equal(gradient(thrifty)[name], expected), name
    assert not any(module.training for module in thrifty.model.modules())


def test_a_model_with_recomputed_layers_still_samples_with_a_cache() -> None:
    plain, thrifty = load(), load(training=PolicySettings(gradient_checkpointing=True))
    prompts = [plain.encode("17+8+25=")]
    ours, theirs = (TransformersEngine(p, sample_batch=8).generate(prompts, 4, SAMPLING, 1) for p in (plain, thrifty))
    assert ours == theirs


def test_a_critic_beside_adapters_has_adapters_of_its_own() -> None:
    policy = load(training=LORA)
    critic = Critic(policy)
    critic.head.weight.data.fill_(0.1)
    critic(Sequences.of(PAIRS)).sum().backward()
    assert {n.split(".")[-3] for n, p in critic.trunk.named_parameters() if p.grad is not None} == {"lora_A", "lora_B"}
    assert all(p.grad is None for p in policy.model.parameters())
    assert critic.size.trained < critic.size.parameters / 5


def test_flops_of_frozen_weights_are_those_of_two_passes_not_three() -> None:
    full, adapted = load().size, load(training=LORA).size
    assert full.training_flops([7, 9]) == 3 * full.forward_flops([7, 9])
    frozen = adapted.parameters - adapted.trained
    assert adapted.training_flops([7, 9]) == 3 * adapted.forward_flops([7, 9]) - 2 * frozen * 16


@pytest.mark.parametrize("changes", [{"policy__lora": {"rank": 4}}, {"optimizer__kind": "adamw_8bit"}], ids=str)
def test_a_resumed_run_is_the_run(changes: dict[str, object], tmp_path: Path) -> None:
    config = small_config("ppo", **changes)
    calls = iter(range(100))
    assert run_small(config, tmp_path / "cut", should_stop=lambda: next(calls) >= 3) == "interrupted"
    assert run_small(config, tmp_path / "cut") == "finished"
    assert run_small(config, tmp_path / "whole") == "finished"
    assert history(tmp_path / "cut") == history(tmp_path / "whole")


def test_moments_in_8_bit_step_nearly_as_in_32() -> None:
    stepped = {}
    for kind in ("adamw", "adamw_8bit"):
        torch.manual_seed(0)
        layer = torch.nn.Linear(96, 96)
        start = copy.deepcopy(layer)
        optimizer = make_optimizer(OptimizerSettings.model_validate({"kind": kind}), {"policy": layer})
        for _ in range(20):
            layer.weight.grad, layer.bias.grad = torch.randn(96, 96), torch.randn(96)
            optimizer.step()
        stepped[kind] = layer.weight.detach() - start.weight.detach()
        bits = {v.dtype for v in optimizer.state[layer.weight].values() if torch.is_tensor(v) and v.numel() == 96 * 96}
        assert bits == {torch.uint8 if kind == "adamw_8bit" else torch.float32}
    error = (stepped["adamw"] - stepped["adamw_8bit"]).norm() / stepped["adamw"].norm()
    assert 0 < error < 0.1


def test_with_no_reward_there_is_nothing_to_learn_in_bfloat16() -> None:
    """The regularised reward of a policy that equals its reference is constant, so AGRO's gradient is exactly zero."""
    policy = load("bfloat16")
    engine = TransformersEngine(policy, sample_batch=64)
    prompt = policy.encode("17+8+25=")
    problem = Problem(id="p", prompt="", answer="50", split=Split.TRAIN)
    (completions,) = engine.generate([prompt], 4, SAMPLING, 1)
    group = Group(problem=problem, prompt_ids=prompt, completions=completions, rewards=(0.0,) * 4)
    sequences = Sequences.of([(prompt, c.ids) for c in completions])
    (group,) = with_scores([group], {"ref_logp": policy.reference().logp(sequences)})
    (part,) = micro_batches([group], 4096, "whole")
    batch = part.batch(denominators([group], 40), policy.device, state={})
    loss = build_objective("agro", {}, where="agro").loss(PolicyOutput(logp=policy.logp(part.sequences)), batch).loss
    loss.backward()
    assert all((p.grad == 0).all() for p in policy.model.parameters() if p.grad is not None)
