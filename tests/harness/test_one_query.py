"""One token's attention by plain products is that of the fused kernel; where nothing is sampled, to the bit."""

import pytest
import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from harness.rollout.one_query import attend


@pytest.fixture
def module() -> nn.Module:
    """What the kernel asks a layer: two heads for each that has keys."""
    layer = nn.Module()
    layer.num_key_value_groups = 2  # type: ignore[assignment]
    return layer


@pytest.fixture
def given() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Query, key, value, and a mask of rows that begin at different places."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(5, 1, 6, 32, generator=generator).transpose(1, 2)
    key, value = torch.randn(2, 5, 3, 19, 32, generator=generator)
    return query, key, value, (torch.arange(19) >= torch.arange(5)[:, None])[:, None, None]


@pytest.mark.parametrize("scaling", [None, 0.3])
def test_sampled_tokens_attend_as_by_the_kernel(
    module: nn.Module, given: tuple[Tensor, Tensor, Tensor, Tensor], scaling: float | None
) -> None:
    with torch.inference_mode():
        for mask in (given[3], None):
            ours, _ = attend(module, *given[:3], mask, scaling=scaling)
            theirs, _ = sdpa_attention_forward(module, *given[:3], mask, scaling=scaling)
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_passes_of_the_trainer_are_the_kernels(module: nn.Module, given: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    """The reference has the kernel alone, and must be the policy of the start bit for bit."""
    with torch.no_grad():
        assert torch.equal(attend(module, *given)[0], sdpa_attention_forward(module, *given)[0])
