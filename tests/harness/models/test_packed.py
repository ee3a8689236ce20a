"""Passes without padding give the same as passes with padding, for the two passes of any batch."""

from collections.abc import Iterator
from functools import partial, wraps

import pytest
import torch
from torch.nn.attention.varlen import varlen_attn

from harness.config.settings import LoraSettings, PolicySettings
from harness.models import trial
from harness.models.critic import Critic
from harness.models.hidden import BatchLayout
from harness.models.packed import attend_packed
from harness.models.policy import Policy
from harness.models.recomputing import recompute_layers
from harness.models.sequences import Sequences
from tests.support.ragged import GROUPS, LONG, MIXED, SHORT, Pairs, load
from tests.support.varlen import on_the_cpu

LORA = PolicySettings(lora=LoraSettings(rank=4))
BATCHES = {
    "groups": GROUPS,
    "mixed": MIXED,
    "one": GROUPS[:1],
    "single tokens": [GROUPS[1], (SHORT, (2,))],
    "own prompts": [GROUPS[0], GROUPS[3]],
}


@pytest.fixture
def calls() -> Iterator[list[tuple[int, int]]]:
    with on_the_cpu() as calls:
        yield calls


def packed(policy: Policy, pairs: Pairs, layout: BatchLayout = "packed") -> torch.Tensor:
    sequences = Sequences.of(pairs)
    policy.layout = layout
    return policy.logp(sequences)[sequences.mask]


def one_by_one(policy: Policy, pairs: Pairs) -> torch.Tensor:
    policy.layout = "whole"
    return torch.cat([policy.logp(Sequences.of([pair]))[0] for pair in pairs])


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("pairs", BATCHES.values(), ids=list(BATCHES))
@pytest.mark.parametrize("layout", ["packed", "packed_whole", "recomputed", "selective"])
@pytest.mark.parametrize("training", [PolicySettings(), LORA], ids=["full", "lora"])
def test_log_probabilities_and_gradients_are_those_of_single_sequences(
    pairs: Pairs, layout: str, training: PolicySettings
) -> None:
    policy = load(training=training)
    if layout in ("recomputed", "selective"):
        recompute_layers(policy.model, True if layout == "recomputed" else "selective")
    whole = layout in ("packed_whole", "recomputed")
    found = []
    for logp in (partial(packed, layout="packed_whole" if whole else "packed"), one_by_one):
        policy.model.zero_grad()
        values = logp(policy, pairs)
        (values**2).sum().backward()
        found.append((values, {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}))
    (ours, gradients), (theirs, expected) = found
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=2e-6)
    assert gradients.keys() == expected.keys()
    for name, each in expected.items():
        torch.testing.assert_close(gradients[name], each, atol=2e-5 * float(each.abs().max()), rtol=0)


def test_nothing_is_padded_and_no_prompt_passes_twice(calls: list[tuple[int, int]]) -> None:
    policy = load()
    with torch.no_grad():
        packed(policy, GROUPS)
    tokens = 7 + 2 + 1 + 3  # all but the last of each completion, which predicts nothing
    keys = tokens + 2 * len(LONG) + 2 * len(SHORT)
    assert set(calls) == {(8, 8), (tokens, keys)}
    assert len(calls) == 2 * policy.size.layers


def test_with_copies_of_prompts_there_is_one_pass_and_recomputed_layers_have_another(
    calls: list[tuple[int, int]],
) -> None:
    policy = load()
    tokens = sum(len(prompt) + len(completion) - 1 for prompt, completion in GROUPS)
    for times in (1, 2):
        calls.clear()
        packed(policy, GROUPS, "packed_whole").sum().backward()  # type: ignore[no-untyped-call]
        assert set(calls) == {(tokens, tokens)}
        assert len(calls) == times * policy.size.layers
        recompute_layers(policy.model, True)


@pytest.mark.usefixtures("calls")
def test_values_are_those_of_each_sequence_alone() -> None:
    policy = load()
    policy.layout = "packed"
    critic = Critic(policy)
    torch.nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(0))
    sequences = Sequences.of(GROUPS)
    values = critic(sequences)[sequences.mask]
    critic._layout = "whole"
    alone = torch.cat([critic(Sequences.of([pair]))[0] for pair in GROUPS])
    torch.testing.assert_close(values, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("calls")
def test_other_passes_keep_their_attention() -> None:
    policy = load()
    before = policy.model.config._attn_implementation
    packed(policy, GROUPS)
    assert policy.model.config._attn_implementation == before


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("training", [PolicySettings(), LORA], ids=["full", "lora"])
def test_it_is_used_where_there_is_a_kernel(training: PolicySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PACKS", {("cpu", torch.bfloat16)})
    assert load("bfloat16", training).layout == "packed"
    assert load(training=training).layout == "shared"
    again = training.model_copy(update={"gradient_checkpointing": True})
    assert load("bfloat16", again).layout == "packed_whole"
    assert load(training=again).layout == "whole"


@pytest.mark.usefixtures("calls")
def test_rounding_of_the_padded_pass_is_not_held_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16, padded passes of real models differ from float32 by more than the bound, too."""
    monkeypatch.setattr(trial, "PACKS", {("cpu", torch.bfloat16)})
    monkeypatch.setattr(trial, "LOGIT", 35.0)
    assert load("bfloat16").layout == "packed"


@pytest.mark.usefixtures("calls")
def test_grouped_queries_work_with_a_torch_that_has_no_option_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def older(  # the signature of torch 2.11
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        cu_seq_q: torch.Tensor,
        cu_seq_k: torch.Tensor,
        max_q: int,
        max_k: int,
        *,
        return_aux: object = None,
        scale: float | None = None,
        window_size: tuple[int, int] = (-1, -1),
    ) -> object:
        bounds = (cu_seq_q, cu_seq_k, max_q, max_k)
        return varlen_attn(query, key, value, *bounds, scale=scale, window_size=window_size, enable_gqa=True)

    draw, ends = torch.Generator().manual_seed(0), torch.tensor([0, 2, 5], dtype=torch.int32)
    query, key, value = (torch.randn(1, heads, 5, 8, generator=draw) for heads in (4, 2, 2))
    found = []
    for kernel in (varlen_attn, older):
        monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel)
        lengths = {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": 3, "max_length_k": 3}
        found.append(attend_packed(None, query, key, value, None, **lengths)[0])
    assert torch.equal(*found)


def _no_kernel(grad: torch.Tensor) -> None:
    raise RuntimeError("no kernel image is available for execution on the device")


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("broken", "why"),
    {
        "values": "log-probabilities are wrong",
        "gradients": "gradients are wrong",
        "an error": "no kernel image",
        "an error in the backward pass": "no kernel image",
    }.items(),
)
def test_a_kernel_that_is_wrong_is_not_used(broken: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PACKS", {("cpu", torch.bfloat16)})

    @wraps(varlen_attn)  # its options are read from its signature
    def wrong(*args: torch.Tensor, **kwargs: object) -> torch.Tensor:
        if broken == "an error":
            _no_kernel(args[0])
        query, key, value = args[:3]
        if broken == "gradients":
            key = key.detach()
        found: torch.Tensor = varlen_attn(query, key, value, *args[3:], **kwargs)
        if broken == "an error in the backward pass" and found.requires_grad:
            found.register_hook(_no_kernel)
        return found.flip(1) if broken == "values" else found

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", wrong)
    with pytest.warns(UserWarning, match=f"trains with padding.*{why}"):
        assert load(dtype="bfloat16").layout == "shared"
