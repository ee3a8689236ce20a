"""What cannot be computed correctly is refused while it loads, in one sentence that names it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from harness.config.optimizer import OptimizerSettings
from harness.config.settings import LoraSettings, PolicySettings
from harness.errors import HarnessError
from harness.models.sequences import Sequences
from harness.models.trial import batch_layout_of
from harness.training.optimizer import make_optimizer
from tests.support.families import make
from tests.support.small_models import PAIRS, load, logp, refused

LORA = PolicySettings(lora=LoraSettings(rank=2))
Weights = dict[str, Tensor]
GONE, LAYER = "model.norm.weight", "model.layers.1.mlp.up_proj.weight"


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    make("llama", tmp_path)
    return tmp_path


def without(weights: Weights) -> Weights:
    return {name: tensor for name, tensor in weights.items() if name != GONE}


def without_head(weights: Weights) -> Weights:
    return {name: tensor for name, tensor in weights.items() if name != "lm_head.weight"}


def of_a_reward_model(weights: Weights) -> Weights:
    return without_head(weights) | {"score.weight": torch.zeros(1, 32)}


def with_more(weights: Weights) -> Weights:
    return weights | {"model.layers.7.mlp.up_proj.weight": torch.zeros(32, 32)}


def of_another_shape(weights: Weights) -> Weights:
    return weights | {LAYER: torch.zeros(16, 32)}


def not_numbers(weights: Weights) -> Weights:
    weights[LAYER][3, 4] = torch.nan
    return weights


def infinite(weights: Weights) -> Weights:
    weights[LAYER][3, 4], weights[LAYER][5, 6] = torch.inf, -torch.inf
    return weights


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (without, (GONE, "lacks weights")),
        (without_head, ("lm_head.weight", "lacks weights")),
        (of_a_reward_model, ("lm_head.weight", "lacks weights")),
        (with_more, ("model.layers.7.mlp.up_proj.weight",)),
        (of_another_shape, (LAYER, "shape")),
        (not_numbers, (LAYER, "not finite")),
        (infinite, (LAYER, "not finite")),
    ],
)
def test_weights_that_are_not_the_models_are_refused_by_name(
    llama: Path, damage: Callable[[Weights], Weights], names: tuple[str, ...]
) -> None:
    file = llama / "model.safetensors"
    save_file(damage(load_file(file)), file, {"format": "pt"})
    refused(llama, *names)


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gpt_neox", "llama", "opt"])
def test_masks_and_positions_beside_the_weights_are_no_weights(family: str, tmp_path: Path) -> None:
    make(family, tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    before = load(tmp_path).fingerprint()
    names = ("attn.bias", "attn.masked_bias", "attention.masked_bias", "self_attn.rotary_emb.inv_freq", "position_ids")
    layer = next(name for name in weights if ".0." in name).partition(".0.")[0]
    save_file(weights | {f"{layer}.0.{name}": torch.zeros(3) for name in names}, file, {"format": "pt"})
    assert load(tmp_path).fingerprint() == before


@pytest.mark.parametrize("weights", [True, False], ids=["with the model", "alone"])
def test_adapters_that_lie_with_a_model_are_refused(llama: Path, tmp_path: Path, weights: bool) -> None:
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(llama), LoraConfig(target_modules=["q_proj"]))
    model.save_pretrained(llama)
    if not weights:
        base = tmp_path / "base"
        base.mkdir()
        for file in ("model.safetensors", "config.json"):
            shutil.move(llama / file, base / file)
        refused(llama)
    else:
        refused(llama, "adapter_config.json", "merge_and_unload")


@pytest.mark.parametrize("family", ["bert", "bert-generation", "roberta", "roformer", "megatron-bert"])
def test_decoders_that_see_what_is_to_come_are_refused(family: str, tmp_path: Path) -> None:
    make(family, tmp_path, is_decoder=False)
    refused(tmp_path, "not causal")


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gemma2", {"final_logit_softcapping": 30.0}),
        ("cohere", {"logit_scale": 0.5}),
        ("granite", {"logits_scaling": 2.0}),
        ("minicpm3", {}),
    ],
)
@pytest.mark.parametrize("spread", [0.2, 0.02], ids=["trained", "fresh"])
def test_logits_changed_behind_the_output_layer_are_refused_however_small(
    family: str, changes: dict[str, float], spread: float, tmp_path: Path
) -> None:
    make(family, tmp_path, initializer_range=spread, **changes)
    refused(tmp_path, "output layer")


@pytest.mark.parametrize("spread", [0.2, 0.02], ids=["trained", "fresh"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", [None, LORA], ids=["full", "lora"])
@pytest.mark.parametrize(
    ("family", "changes", "shared"),
    [
        ("llama", {}, True),
        ("mpt", {}, False),
        ("gpt_neo", {"window_size": 40}, False),
        ("gpt_neo", {"window_size": 400, "max_position_embeddings": 1000}, False),
        ("mistral", {}, False),
        ("qwen2", {}, True),
    ],
)
def test_prompts_pass_once_only_where_that_is_right(
    family: str,
    changes: dict[str, int],
    shared: bool,
    training: PolicySettings | None,
    dtype: str,
    spread: float,
    tmp_path: Path,
) -> None:
    make(family, tmp_path, initializer_range=spread, **changes)
    policy = load(tmp_path, training, dtype)
    assert policy.layout == policy.reference().layout == ("shared" if shared else "whole")
    if dtype == "float32":
        alone = torch.cat([policy.logp(Sequences.of([pair]))[0] for pair in PAIRS])
        torch.testing.assert_close(logp(policy), alone, atol=2e-5, rtol=0)


def test_rotary_factors_that_change_at_a_length_limit_the_context(tmp_path: Path) -> None:
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 48}
    factors = {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "factor": 1.3}
    make("phi3", tmp_path, rope_parameters=rope | factors, original_max_position_embeddings=48)
    assert load(tmp_path).context_limit == 48


@pytest.mark.parametrize("family", ["llama", "mpt", "gpt_neo", "phi3", "qwen3_moe", "qwen3_next"])
@pytest.mark.parametrize("training", [PolicySettings(), LORA], ids=["full", "lora"])
def test_to_be_tried_changes_neither_model_nor_generator(family: str, training: PolicySettings, tmp_path: Path) -> None:
    make(family, tmp_path)
    policy = load(tmp_path, training)

    def state() -> list[Tensor]:
        return [torch.get_rng_state(), *(t.clone() for t in (*policy.model.parameters(), *policy.model.buffers()))]

    before = state()
    assert batch_layout_of(policy, "it") == policy.layout
    assert all(torch.equal(one, other) for one, other in zip(before, state(), strict=True))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in policy.model.modules())


@pytest.mark.parametrize("family", ["llama", "mixtral", "qwen3_moe", "olmoe", "gpt_oss", "deepseek_v3"])
def test_what_has_adapters_is_saved_as_the_policy_that_it_is(family: str, tmp_path: Path) -> None:
    make(family, tmp_path / "base")
    plain, policy = load(tmp_path / "base"), load(tmp_path / "base", LORA)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
    policy.save(tmp_path / "saved")
    torch.testing.assert_close(logp(load(tmp_path / "saved")), logp(policy), atol=2e-5, rtol=0)
    assert torch.equal(logp(policy.reference()), logp(plain))
    assert (logp(policy) - logp(plain)).abs().max() > 0.01


@pytest.mark.parametrize("family", ["jamba", "longcat_flash"])
def test_adapters_that_would_never_act_are_refused(family: str, tmp_path: Path) -> None:
    make(family, tmp_path)
    load(tmp_path)
    refused(tmp_path, "adapters", "model.layers.0", training=LORA)


def test_adapters_that_could_not_be_merged_are_refused(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.models.adapters._plain", lambda name: name.replace(".base_layer.", ".", 1) + "x")
    refused(llama, "could not be saved", training=LORA)


def test_a_tokenizer_larger_than_its_model_is_refused_where_that_shows(llama: Path) -> None:
    policy = load(llama)
    policy.tokenizer.add_tokens(["more"])
    assert policy.encode("w5 w6") == (5, 6)
    with pytest.raises(HarnessError, match=r"gives token 64 .* the model only has 64"):
        policy.encode("w5 more")


def test_an_optimiser_without_anything_to_train_is_refused(llama: Path) -> None:
    model = load(llama).model
    assert make_optimizer(OptimizerSettings(), {"policy": model}).param_groups[0]["params"]
    with pytest.raises(HarnessError, match="policy has no trained weights"):
        make_optimizer(OptimizerSettings(), {"policy": model.requires_grad_(False)})
