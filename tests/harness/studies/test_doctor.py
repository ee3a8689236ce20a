"""``harness doctor`` says the same about a model as a run: the same sentence, or none."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from harness.errors import HarnessError
from harness.training.first_look import look
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.families import make
from tests.support.small import run_small, small_config

LORA = {"policy.lora": {"rank": 2}}


def settings_of(model: Path, changes: dict[str, Any]) -> dict[str, Any]:
    here = {"model.path": str(model), "model.device": "cpu", "model.dtype": "float32", "compute.engine": "transformers"}
    return {"rollout.max_prompt_tokens": 16} | here | changes


def doctor(settings: dict[str, Any]) -> list[str]:
    """Runs the command."""
    changes = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
    return ["doctor", "--suite", "tiny-arithmetic", *SETTINGS, *changes]


@pytest.mark.parametrize(
    ("family", "changes", "sentence"),
    [
        ("bert", {}, "it changes hidden states before its output layer"),
        ("gemma2", {}, "it changes hidden states before its output layer"),
        ("prophetnet", {}, "it is not causal"),
        ("mamba", {}, "the engine transformers samples from another distribution"),
        ("openai-gpt", {}, "the engine transformers cannot sample from this model"),
        ("jamba", LORA, "it does not call the layers that hold adapters"),
    ],
)
def test_doctor_refuses_what_a_run_refuses(family: str, changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    make(family, tmp_path / "model")
    settings = settings_of(tmp_path / "model", changes)
    said = refused(doctor(settings), sentence)
    config = small_config("agro", **settings)
    for command in (look, lambda config: run_small(config, tmp_path / "run")):
        with pytest.raises(HarnessError) as caught:
            command(config)
        assert said == f"harness: {caught.value}"


def test_doctor_and_the_first_look_warn_of_prompts_that_end_a_text(tmp_path: Path) -> None:
    make("llama", tmp_path)
    settings = settings_of(tmp_path, {})

    def told() -> tuple[str, str]:
        code, output = harness(*doctor(settings))
        assert code == 0
        return " ".join(output.split()), str(look(small_config("agro", **settings)))

    assert not any("the end of a text" in said for said in told())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A w2", special_tokens=[("w2", 2)])
    tokenizer.save_pretrained(tmp_path)
    assert all("prompts end with 'w2', the end of a text" in said for said in told())
