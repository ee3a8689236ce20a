"""A damaged file of a model is one sentence that names the model."""

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from harness.config.settings import ModelSettings
from harness.errors import HarnessError
from harness.models.loading import load_policy

WHOLE = Path(str(files("harness") / "embedded" / "assets" / "tiny-arithmetic"))
HARMS: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "junk": lambda _: b"junk",
    "a list": lambda _: b"[]",
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_file(name: str, harm: Callable[[bytes], bytes], tmp_path: Path) -> None:
    shutil.copytree(WHOLE, tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_bytes(harm(path.read_bytes()))
    refused(tmp_path / "model")


@pytest.mark.parametrize("setting", [{"num_attention_heads": 0}, {"hidden_size": -1}, {"vocab_size": "many"}], ids=str)
def test_an_impossible_setting(setting: dict[str, object], tmp_path: Path) -> None:
    shutil.copytree(WHOLE, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | setting))
    refused(tmp_path / "model")


def test_generation_settings_of_another_type(tmp_path: Path) -> None:
    shutil.copytree(WHOLE, tmp_path / "model")
    (tmp_path / "model" / "generation_config.json").write_text("[]")
    refused(tmp_path / "model")


def refused(model: Path) -> None:
    with pytest.raises(HarnessError, match="cannot load the model"):
        load_policy(ModelSettings(path=str(model), device="cpu", dtype="float32"), 1.0)
