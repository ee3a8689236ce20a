"""How long a run takes, according to ``harness plan``."""

from pathlib import Path
from typing import Any

import pytest

from harness.config.arms import run_config
from harness.config.suites import load_suite
from harness.studies.planning import duration
from harness.studies.planning.duration import Duration, duration_of
from harness.studies.planning.gpus import GPUS
from harness.studies.planning.parts import parts_of
from tests.support.llama import LLAMA_3_8B
from tests.support.small import small_config


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that start in no time. Otherwise their start is all the time of a small model on a large GPU."""
    monkeypatch.setattr(duration, "LAUNCH", {"transformers": 0.0, "vllm": 0.0})


def lasting(objective: str = "agro", **settings: Any) -> Duration:
    config = small_config(objective, **settings)
    return duration_of(config, parts_of(config), GPUS["h100"], 20, 30)


def test_every_unit_of_a_budget_ends_a_run() -> None:
    """A step has 16 completions of 30 tokens. PPO makes four updates per step."""
    assert lasting().steps == 6  # 100 // 16
    assert lasting("ppo", budget={"unit": "optimizer_steps", "total": 10}).steps == 2
    assert lasting(budget={"unit": "sampled_tokens", "total": 1000}).steps == 2  # 1000 // 480
    one = lasting(budget={"unit": "completions", "total": 16})
    assert lasting(budget={"unit": "flops", "total": 3.5 * one.flops}).steps == 3
    seconds = one.sampling + one.training + one.sync  # a run that has begun, and that evaluates outside its budget
    assert lasting(budget={"unit": "seconds", "total": 3.5 * seconds}).steps == 3


def test_evaluation_is_counted() -> None:
    """Validation of 6 problems x 2 at three shares, and the test of 8 x 2 at both ends, with 30 tokens each."""
    assert lasting().evaluated_tokens == (3 * 6 * 2 + 2 * 8 * 2) * 30


@pytest.mark.usefixtures("at_once")
def test_regimes_sample_what_they_sample() -> None:
    fresh, half = lasting(), lasting(regime="replay:64,0.5")
    assert fresh.sampled_tokens == 6 * 16 * 30
    assert (half.steps, half.sampled_tokens) == (6, 6 * 8 * 30)
    assert half.sampling < fresh.sampling and half.flops < fresh.flops
    fixed = lasting(regime="offline", rollout__offline_completions=32)
    assert (fixed.steps, fixed.sampled_tokens) == (6, 32 * 30)


@pytest.mark.usefixtures("at_once")
def test_completions_of_the_reference_count() -> None:
    """Eight for each of four prompts, in addition to their four: 48 completions per step."""
    planned, plain = lasting("astar_po"), lasting()
    assert (planned.steps, planned.sampled_tokens) == (2, 2 * 48 * 30)
    assert planned.sampling / 2 > plain.sampling / 6
    fixed = lasting("astar_po", regime="offline", rollout__offline_completions=32)
    assert (fixed.steps, fixed.sampled_tokens) == (2, (32 + 8 * 8) * 30)  # (100 - 64) // 16


@pytest.mark.usefixtures("at_once")
def test_passes_that_an_objective_asks_for_take_time() -> None:
    """Compared with GRPO without a reference.

    M2PO has a pass of the policy. KTO has three passes: of the reference, and over crossed pairs.
    """
    grpo = lasting("grpo", objectives={"grpo": {"fields": {"beta_kl": 0.0}}}).training
    for objective, more in (("m2po", 1), ("kto", 3)):
        assert lasting(objective).training == pytest.approx(grpo * (3 + more) / 3, rel=0.05)


def test_a_fixed_set_is_paid_before_the_first_step() -> None:
    offline: dict[str, Any] = {"regime": "offline", "rollout__offline_completions": 32}
    one, two = (lasting(**offline, budget={"unit": "completions", "total": total}).flops for total in (16, 32))
    step = two - one
    assert one - step > step  # the fixed set
    total = one - step + 3.5 * step
    assert lasting(**offline, budget={"unit": "flops", "total": total}).steps == 3


@pytest.mark.usefixtures("at_once")
def test_layers_computed_again_take_time_and_no_model_flops() -> None:
    plain, again = lasting("ppo"), lasting("ppo", policy__gradient_checkpointing=True)
    assert again.flops == plain.flops
    assert 1.1 * plain.training < again.training < 1.5 * plain.training


def test_hours_by_hand(tmp_path: Path) -> None:
    """Decoding reads 15.1 GiB and the caches of 256 sequences per token, at half of the bandwidth."""
    LLAMA_3_8B.save_pretrained(tmp_path)
    settings = {
        "model.path": str(tmp_path),
        "model.device": "cuda",
        "model.dtype": "bfloat16",
        "compute.engine": "vllm",
    }
    config = run_config(load_suite("llama3-8b-math", list(settings.items())), "grpo", 0)
    found = duration_of(config, parts_of(config), GPUS["h100"], 200, 400)
    read = 2 * 8_114_147_328 + 256 * 400 * 131_072  # weights with adapters; keys and values of 200 + 400 / 2 tokens
    assert found.sampling == pytest.approx(200 * 2 * 400 * read / (0.5 * 3.35e12))
    size, lengths = parts_of(config).policy.size, [600] * 512
    flops = size.training_flops(lengths) + 2 * size.forward_flops(lengths)  # the reference, and layers computed again
    flops += size.forward_flops([200] * 64)  # each prompt once for its group
    assert found.training == pytest.approx(200 * flops / (0.35 * 989e12))


def test_a_small_model_waits_for_its_kernels() -> None:
    """A token of a batch takes at least the time in which its layers start."""
    started = lasting()
    layers = 6 * 30 * duration.LAUNCH["transformers"] * parts_of(small_config()).policy.size.layers
    assert started.sampling == pytest.approx(layers)
