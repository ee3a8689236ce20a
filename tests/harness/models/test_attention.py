"""Attention of heads together equals that of transformers, and so do its gradients."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from harness.config.settings import ModelSettings
from harness.models import attention
from harness.models.attention import attend
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences

Given = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture
def module() -> nn.Module:
    """What the kernel asks of a layer. There are two query heads for each head with keys."""
    layer = nn.Module()
    layer.num_key_value_groups = 2  # type: ignore[assignment]
    return layer


@pytest.fixture(params=[1, 7], ids=["one token", "seven tokens"])
def given(request: pytest.FixtureRequest) -> Given:
    """Query, key, value, and a causal mask of rows that begin at different places."""
    generator, asked = torch.Generator().manual_seed(0), request.param
    query = torch.randn(5, asked, 6, 32, generator=generator).transpose(1, 2)
    key, value = torch.randn(2, 5, 3, 19, 32, generator=generator)
    begun = torch.arange(19) >= torch.arange(5)[:, None, None, None]
    return query, key, value, begun & torch.ones(asked, 19).tril(19 - asked).bool()


def kernels(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The queries that are left to the kernel from now on."""
    asked: list[Tensor] = []

    def kernel(module: nn.Module, query: Tensor, *rest: Tensor | None, **options: float) -> tuple[Tensor, None]:
        asked.append(query)
        return sdpa_attention_forward(module, query, *rest, **options)  # type: ignore[no-any-return]

    monkeypatch.setattr(attention, "sdpa_attention_forward", kernel)
    return asked


@pytest.mark.parametrize("width", [12, 48])
def test_values_may_have_another_width_than_keys(module: nn.Module, given: Given, width: int) -> None:
    query, key, value, mask = given
    other = torch.cat([value, value], -1)[..., :width]
    ours, theirs = (f(module, query, key, other, mask)[0] for f in (attend, sdpa_attention_forward))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert ours.is_contiguous()  # some models need a view


def test_masks_that_are_added_to_the_scores_are_the_kernels(
    module: nn.Module, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = kernels(monkeypatch)
    query, key, value, mask = given
    added = torch.where(mask, 0.5, -1e9)
    found, expected = (f(module, query, key, value, added)[0] for f in (attend, sdpa_attention_forward))
    assert torch.equal(found, expected)
    assert len(left) == 1


@pytest.mark.parametrize("scores", [0, 1 << 19], ids=["the kernel", "products"])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_heads_together_attend_as_transformers_does(
    module: nn.Module, given: Given, scaling: float | None, scores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = kernels(monkeypatch)
    monkeypatch.setattr(attention, "SCORES", scores)
    found = []
    for attention_of in (attend, sdpa_attention_forward):
        inputs = [each.clone().requires_grad_() for each in given[:3]]
        output = attention_of(module, *inputs, given[3], scaling=scaling)[0]
        found.append((output, *torch.autograd.grad((output**2).sum(), inputs)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert not left


@pytest.mark.parametrize("converted", [False, True], ids=["stored", "by autocast"])
def test_in_bfloat16_the_kernel_does_not_round_the_scores(
    module: nn.Module, given: Given, converted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = kernels(monkeypatch)
    *inputs, mask = given
    low = [(10 * each).bfloat16() for each in inputs]
    exact = sdpa_attention_forward(module, *(each.float() for each in low), mask)[0]
    if converted:  # rotary positions make queries and keys float32 again
        low = [each.float() for each in low]
    with torch.autocast("cpu", torch.bfloat16, enabled=converted):
        ours, theirs = (f(module, *low, mask)[0].float() for f in (attend, sdpa_attention_forward))
    assert len(left) == 0
    assert (ours - exact).abs().mean() < 1.1 * (theirs - exact).abs().mean()


def test_keys_are_not_copied_for_each_head(module: nn.Module, given: Given) -> None:
    """Nothing that is kept for the backward pass has the keys or values of all heads."""
    query, key, value, mask = given
    inputs = [each.bfloat16().requires_grad_() for each in (query, key, value)]
    kept: list[torch.Size] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each.shape) or each, lambda each: each):
        attend(module, *inputs, mask)
    assert torch.Size([5, 3, 19, 32]) in kept and torch.Size([5, 6, 19, 32]) not in kept


def test_a_token_without_a_mask_sees_all(module: nn.Module, given: Given) -> None:
    query, key, value, _ = given
    ours, theirs = (f(module, query[:, :, -1:], key, value, None)[0] for f in (attend, sdpa_attention_forward))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_what_sees_nothing_spoils_nothing(module: nn.Module, given: Given) -> None:
    query, key, value, mask = given
    mask[0, :, 0] = False
    assert attend(module, query, key, value, mask)[0].isfinite().all()


def test_many_scores_and_tokens_without_a_mask_are_the_kernels(
    module: nn.Module, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = kernels(monkeypatch)
    query, key, value, mask = given
    key, value = (each.repeat_interleave(2, 1) for each in (key, value))
    module.num_key_value_groups = 1  # type: ignore[assignment]
    asked = query.shape[2]
    count = 5 * 6 * asked * 19
    attend(module, torch.cat([query] * 2, 2), key, value, None)  # the kernel takes this for causal
    for limit in (count - 1, count):
        monkeypatch.setattr(attention, "SCORES", limit)
        attend(module, query, key, value, mask)
    assert [each.shape[2] for each in left] == ([2] if asked == 1 else [14, 7])


def load(dtype: str) -> Policy:
    return load_policy(
        ModelSettings.model_validate({"path": "embedded:tiny-arithmetic", "device": "cpu", "dtype": dtype}), 1.0
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_models_have_it_with_their_references(dtype: str, tmp_path: Path) -> None:
    policy = load(dtype)
    assert {each.model.config._attn_implementation for each in (policy, policy.reference())} == {attention.TOGETHER}
    policy.save(tmp_path)
    assert attention.TOGETHER not in json.dumps([json.loads(file.read_text()) for file in tmp_path.glob("*.json")])


def test_the_reference_is_the_policy_of_the_start_to_the_bit() -> None:
    policy = load("float32")
    sequences = Sequences.of([(prompt, (5, 6, i)) for i in range(9) for prompt in ((3, 13, 4), (7, 13))])
    assert torch.equal(policy.logp(sequences), policy.reference().logp(sequences))


def test_cudnn_is_off_once_a_policy_is_loaded() -> None:
    """Its gradients are at times not finite."""
    torch.backends.cuda.enable_cudnn_sdp(True)
    load("float32")
    assert not torch.backends.cuda.cudnn_sdp_enabled()
