"""Layers that are computed again in the backward pass have the same gradients, or they are refused."""

from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaMLP

from harness.config.settings import PolicySettings
from harness.errors import HarnessError
from harness.models.sequences import Sequences
from harness.models.trial import batch_layout_of
from tests.support.families import config_of, make
from tests.support.small_models import PAIRS, load, logp, refused


@pytest.mark.parametrize("family", ["llama", "opt", "biogpt"])
def test_layers_that_are_recomputed_have_no_dropout(family: str, tmp_path: Path) -> None:
    """Transformers recomputes layers in training mode, and some layers apply dropout themselves."""
    make(family, tmp_path)
    assert family == "llama" or any(
        config_of(family).to_dict().get(name) for name in ("dropout", "hidden_dropout_prob")
    )
    usual, thrifty = load(tmp_path), load(tmp_path, PolicySettings(gradient_checkpointing=True))
    found = []
    sequences = Sequences.of(PAIRS)
    for policy in (usual, thrifty):
        values = policy.logp(sequences)[sequences.mask]
        values.sum().backward()
        assert torch.allclose(logp(policy), values, atol=1e-5)
        found.append((values, [p.grad for p in policy.model.parameters()]))
        assert not any(module.training for module in policy.model.modules())
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("how", [True, "selective"])
def test_layers_inside_layers_have_the_same_gradients_when_they_are_recomputed(
    how: Literal[True, "selective"], tmp_path: Path
) -> None:
    make("zamba", tmp_path)
    usual, thrifty = load(tmp_path), load(tmp_path, PolicySettings(gradient_checkpointing=how))
    for policy in (usual, thrifty):
        policy.logp(Sequences.of(PAIRS)).sum().backward()  # type: ignore[no-untyped-call]
    for one, other in zip(usual.model.parameters(), thrifty.model.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("how", [True, "selective"])
def test_layers_with_other_gradients_when_they_are_recomputed_are_refused(
    how: Literal[True, "selective"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = LlamaMLP.forward

    def strange(module: LlamaMLP, given: Tensor) -> Tensor:
        """In the backward pass it computes something else."""
        again = torch._C._current_graph_task_id() >= 0
        found: Tensor = usual(module, given * 1.5 if again else given)
        return found

    make("llama", tmp_path)
    monkeypatch.setattr(LlamaMLP, "forward", strange)
    load(tmp_path)
    refused(tmp_path, "its gradients are wrong; set it to false", training=PolicySettings(gradient_checkpointing=how))


def test_the_trial_of_recomputed_layers_leaves_gradients_as_they_were(tmp_path: Path) -> None:
    make("llama", tmp_path)
    policy = load(tmp_path, PolicySettings(gradient_checkpointing="selective"))
    weights = list(policy.model.parameters())
    assert all(weight.grad is None for weight in weights)
    gradients = [torch.ones_like(weight) for weight in weights]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    batch_layout_of(policy, str(tmp_path))
    assert all(weight.grad is gradient for weight, gradient in zip(weights, gradients, strict=True))
    assert all(bool((gradient == 1).all()) for gradient in gradients)


def test_a_model_without_layers_for_it_refuses_checkpointing(tmp_path: Path) -> None:
    make("ctrl", tmp_path)
    with pytest.raises(HarnessError, match="CTRLLMHeadModel has no layers that can be computed again; set policy"):
        load(tmp_path, PolicySettings(gradient_checkpointing=True))
