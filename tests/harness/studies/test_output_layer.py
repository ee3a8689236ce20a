"""The plan's memory of the output layer, compared with what its passes really take."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig

from harness.launch.machine import cpu_has_bfloat16
from harness.models.token_logp import FLOAT32_PER_THREAD, chunk_of_logits, token_logp
from harness.studies.planning.memory import memory_of
from harness.studies.planning.parts import parts_of
from tests.support.peak_memory import peak_of
from tests.support.small import small_config

VOCABULARY, WIDTH = 65536, 512
CHUNK = chunk_of_logits(VOCABULARY, WIDTH)
ITEMS = ("logits", "converted output layer", "output layer's gradients")
EMULATED = pytest.mark.skipif(not cpu_has_bfloat16(), reason="this processor emulates bfloat16, which takes minutes")
DTYPES = [torch.float32, pytest.param(torch.bfloat16, marks=EMULATED)]
FLOAT32_BLOCKS = 3 * 4 * FLOAT32_PER_THREAD * 2
"""The plan leaves out three float32 copies of a few rows on a CPU."""


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A config with a large output layer, and no weights."""
    path: Path = tmp_path_factory.mktemp("wide")
    sizes = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    LlamaConfig(**sizes, vocab_size=VOCABULARY, tie_word_embeddings=False).save_pretrained(path)
    return str(path)


def planned(folder: str, dtype: str, tokens: int, phase: Literal["scoring", "training"]) -> float:
    shape = {"rollout__prompts": 1, "rollout__group_size": 2, "rollout__max_tokens": 2}
    config = small_config("agro", model__path=folder, model__dtype=dtype, compute__micro_batch_tokens=tokens, **shape)
    held = memory_of(config, parts_of(config)).held(phase)
    return sum(held.get(name, 0.0) for name in ITEMS)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("tokens", [100, CHUNK, 2 * CHUNK + 1])
def test_a_training_pass_takes_what_the_plan_says(folder: str, dtype: torch.dtype, tokens: int) -> None:
    head, hidden, ids = given(tokens, torch.float32)
    for parameter in head.parameters():
        parameter.grad = torch.zeros_like(parameter)
    hidden.requires_grad_().grad = torch.zeros_like(hidden)

    def work() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            logp = token_logp(head, 0.7, hidden, ids)
        logp.sum().backward()  # type: ignore[no-untyped-call]

    said = planned(folder, str(dtype).removeprefix("torch."), tokens, "training")
    assert 0.45 * said < peak_of(work) < said + FLOAT32_BLOCKS


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_pass_of_the_reference_takes_what_the_plan_says(folder: str, dtype: torch.dtype) -> None:
    tokens = 2 * CHUNK + 1
    head, hidden, ids = given(tokens, dtype)

    @torch.no_grad()
    def work() -> None:
        token_logp(head, 1.0, hidden, ids)

    said = planned(folder, str(dtype).removeprefix("torch."), tokens, "scoring")
    assert 0.25 * said < peak_of(work) < said + FLOAT32_BLOCKS


def given(tokens: int, dtype: torch.dtype) -> tuple[nn.Linear, Tensor, Tensor]:
    """An output layer, hidden states and tokens."""
    random = torch.Generator().manual_seed(0)
    head = nn.Linear(WIDTH, VOCABULARY, bias=False, dtype=dtype)
    hidden = torch.randn(tokens, WIDTH, generator=random).to(dtype)
    return head, hidden, torch.randint(VOCABULARY, (tokens,), generator=random)
