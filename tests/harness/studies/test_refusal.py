"""What ``harness plan`` refuses, and what it advises."""

from typing import Any

import huggingface_hub
import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.config.arms import run_config
from harness.config.suites import load_suite
from harness.studies.planning.memory import memory_of
from harness.studies.planning.parts import parts_of
from harness.studies.planning.refusal import changes, refusal


def plan(suite: str, *options: str) -> Any:
    result = CliRunner().invoke(app, ["plan", "--suite", suite, *options])
    assert "Traceback" not in result.output
    return result


def test_full_parameters_are_counted_with_the_embedding(llama: str) -> None:
    options = ["--gpu", "h100", "--model", llama, "--algos", "agro", "--set", "policy.lora=null"]
    assert "8,030,261,248 parameters, 8,030,261,248 trained" in plan("llama3-8b-math", *options).output


def test_memory_can_be_another(llama: str) -> None:
    options = ["--gpu", "h100", "--model", llama, "--algos", "agro"]
    assert plan("llama3-8b-math", *options).exit_code == 0
    refused = plan("llama3-8b-math", *options, "--memory", "50")
    assert refused.exit_code == 2
    assert "59.3 GiB while scoring, but the h100 has 50 (keys and values 20" in refused.output
    assert refused.output.rstrip().endswith(
        "a smaller compute.kv_cache_gib, or a smaller rollout.group_size or rollout.max_tokens; "
        "it fits on 4 devices (--set compute.devices=4 --set compute.parallel=shard)"
    )


@pytest.mark.parametrize("engine", ["vllm", "transformers"])
@pytest.mark.parametrize("tokens", [16_384, 200_000])
@pytest.mark.parametrize("kind", ["adamw", "adamw_8bit"])
def test_every_change_that_is_advised_helps(shallow_llama: str, engine: str, tokens: int, kind: str) -> None:
    """Each change alone lowers the peak, and each advised setting is one that the engine reads."""

    def need(**more: Any) -> Any:
        changed = {"model.dtype": "bfloat16", "model.device": "cuda", "model.path": shallow_llama, "policy.lora": None}
        changed |= {"compute.engine": engine, "compute.micro_batch_tokens": tokens, "optimizer.kind": kind}
        changed |= {"policy.gradient_checkpointing": False, **more}
        config = run_config(load_suite("llama3-8b-math", list(changed.items())), "agro", 0)
        return config, memory_of(config, parts_of(config))

    config, before = need()
    large = set(before.held(before.peak_phase))
    text = refusal(config, before, "h100", 79.1)
    advised = [change for change in changes(config, large) if f"--set {change}" in text]
    assert advised
    for change in advised:
        key, _, value = change.partition("=")
        changed = (
            {key: {"true": True}.get(value, value)} if key != "policy.lora.rank" else {"policy.lora": {"rank": 32}}
        )
        assert need(**changed)[1].peak < before.peak, change
    assert ("compute.micro_batch_tokens" in text) == (tokens > 24_576)
    assert "kv_cache_gib" not in text  # the cache is not the reason while training


@pytest.mark.parametrize("options", [("--engine", "transformers"), ("--set", "compute.kv_cache_gib=null")], ids=str)
def test_a_cache_that_no_setting_bounds_is_blamed_on_what_does(llama: str, options: tuple[str, ...]) -> None:
    """transformers does not read ``kv_cache_gib``, which the suite sets for vLLM."""
    refused = plan("llama3-8b-math", "--gpu", "h100", "--model", llama, "--algos", "agro", *options)
    assert refused.exit_code == 2
    assert "keys and values 96" in refused.output and "a smaller compute.sample_batch" in refused.output
    assert "kv_cache_gib" not in refused.output


def test_more_tokens_than_the_model_takes_are_refused(llama: str) -> None:
    refused = plan("llama3-8b-math", "--gpu", "h100", "--model", llama, "--set", "rollout.max_tokens=16000")
    assert refused.exit_code == 2 and "exceed the context of" in refused.output and "8192 tokens" in refused.output


@pytest.mark.parametrize("suite", ["smollm2-gsm8k", "qwen2.5-1.5b-gsm8k", "llama3-8b-math"])
def test_a_hub_out_of_reach_is_one_sentence(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    refused = plan(suite, "--gpu", "h100")
    assert refused.exit_code == 2 and "the hub cannot be reached" in refused.output


def test_a_gpu_without_bfloat16_computes_in_float32(shallow_llama: str) -> None:
    options = ["--gpu", "t4", "--model", shallow_llama, "--algos", "agro"]
    assert "trained; vllm, float32" in plan("llama3-8b-math", *options).output
    refused = plan("llama3-8b-math", *options, "--set", "model.dtype=bfloat16")
    assert refused.exit_code == 2 and "bfloat16, but the t4 does not support it" in refused.output
