"""Fixtures for the tests of the studies."""

import pytest
from transformers import LlamaConfig

from tests.support.llama import LLAMA_3_8B


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the config of Llama 3 8B, and no weights."""
    folder = tmp_path_factory.mktemp("llama")
    LLAMA_3_8B.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def shallow_llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same config with 8 of its 32 layers. Each layer is traced, and all layers give the same."""
    folder = tmp_path_factory.mktemp("shallow-llama")
    LlamaConfig(**LLAMA_3_8B.to_dict() | {"num_hidden_layers": 8}).save_pretrained(folder)
    return str(folder)
