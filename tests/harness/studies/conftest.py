"""What the studies' tests share."""

import pytest

from tests.support.llama import LLAMA_3_8B


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the config of Llama 3 8B, and no weights."""
    folder = tmp_path_factory.mktemp("llama")
    LLAMA_3_8B.save_pretrained(folder)
    return str(folder)
