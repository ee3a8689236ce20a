"""Log-probabilities of tokens are those of the full softmax, and a large vocabulary's logits need little memory."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import harness.models.token_logp
from harness.models.token_logp import _InBlocks, chunk_of_logits, token_logp

TOKENS, WIDTH, VOCABULARY = 23, 12, 50
CHUNK, ROWS = 7, 3


@pytest.fixture
def in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 7 tokens, and blocks of 3 rows in float32. The last of each is smaller."""
    monkeypatch.setattr(harness.models.token_logp, "LOGITS_AT_ONCE", CHUNK * VOCABULARY)
    monkeypatch.setattr(harness.models.token_logp, "TOKENS_AT_ONCE", 1)
    monkeypatch.setattr(harness.models.token_logp, "FLOAT32_PER_THREAD", ROWS * VOCABULARY)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)


def given(dtype: torch.dtype) -> tuple[nn.Linear, Tensor, Tensor, Tensor]:
    """A head with a bias, hidden states, tokens, and one weight per token for the gradient."""
    random = torch.Generator().manual_seed(0)
    head = nn.Linear(WIDTH, VOCABULARY, dtype=dtype)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random))
    hidden = torch.randn(TOKENS, WIDTH, generator=random).to(dtype).requires_grad_()
    tokens = torch.randint(VOCABULARY, (TOKENS,), generator=random)
    return head, hidden, tokens, torch.randn(TOKENS, generator=random)


def value_and_gradients(logp: Tensor, weights: Tensor, head: nn.Linear, hidden: Tensor) -> list[Tensor]:
    return [logp.detach(), *torch.autograd.grad((logp * weights).sum(), [hidden, head.weight, head.bias])]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_chunks_and_blocks_change_neither_value_nor_gradient(in_chunks: None, temperature: float) -> None:
    head, hidden, tokens, weights = given(torch.float64)
    defined = (head(hidden) / temperature).log_softmax(-1).gather(1, tokens[:, None])[:, 0]
    expected = value_and_gradients(defined, weights, head, hidden)
    found = value_and_gradients(token_logp(head, temperature, hidden, tokens), weights, head, hidden)
    assert found[0].dtype is torch.float32
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs.double(), atol=1e-5, rtol=1e-5)


def test_low_precision_only_rounds_the_gradient_of_the_logits(in_chunks: None) -> None:
    """The softmax is computed in float32."""
    head, hidden, tokens, weights = given(torch.bfloat16)
    logits = head(hidden).detach()
    exact, rounded = logits.float().requires_grad_(), logits.clone().requires_grad_()
    expected = exact.log_softmax(-1).gather(1, tokens[:, None])[:, 0]
    found = _InBlocks.apply(rounded, tokens, 1.0)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    (of_exact,) = torch.autograd.grad((expected * weights).sum(), exact)
    (of_rounded,) = torch.autograd.grad((found * weights).sum(), rounded)
    torch.testing.assert_close(of_rounded.float(), of_exact, atol=1e-6, rtol=2**-8)


def test_chunks_in_autocast_give_what_one_pass_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    head, hidden, tokens, weights = given(torch.float32)

    def found() -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            logp = token_logp(head, 0.7, hidden, tokens)
        return value_and_gradients(logp, weights, head, hidden)

    at_once = found()
    monkeypatch.setattr(harness.models.token_logp, "LOGITS_AT_ONCE", CHUNK * VOCABULARY)
    monkeypatch.setattr(harness.models.token_logp, "TOKENS_AT_ONCE", 1)
    for ours, theirs in zip(found(), at_once, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.03, rtol=0.03)  # the sum over chunks has the low precision


def test_the_logits_of_chunks_are_not_kept(in_chunks: None) -> None:
    head, hidden, tokens, _ = given(torch.bfloat16)
    kept: list[torch.Size] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        token_logp(head, 1.0, hidden, tokens)
        assert not [shape for shape in kept if shape[-1:] == (VOCABULARY,)]
        token_logp(head, 1.0, hidden[: CHUNK + 1], tokens[: CHUNK + 1])
        assert not [shape for shape in kept if shape[-1:] == (VOCABULARY,)]


class Largest(TorchDispatchMode):
    """Notes the number of elements of the largest float32 tensor that an operation makes."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else [made]:
            if isinstance(one, Tensor) and one.dtype is torch.float32:
                self.elements = max(self.elements, one.numel())
        return made


def test_on_a_cpu_only_a_few_rows_are_in_float32_at_the_same_time(in_chunks: None) -> None:
    head, hidden, tokens, _ = given(torch.bfloat16)
    with Largest() as seen:
        token_logp(head, 1.0, hidden, tokens).sum().backward()
    assert 0 < seen.elements <= ROWS * VOCABULARY < CHUNK * VOCABULARY


@pytest.mark.parametrize(
    ("vocabulary", "width", "expected"),
    [(16, 96, 1 << 20), (49152, 576, 576), (151936, 896, 896), (151936, 8192, 1024)],
)
def test_a_chunk_of_logits_has_enough_tokens_for_its_products(vocabulary: int, width: int, expected: int) -> None:
    assert chunk_of_logits(vocabulary, width) == expected
