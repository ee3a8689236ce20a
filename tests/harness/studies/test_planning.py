"""The plan, compared with what a run really holds and spends."""

import copy
import json
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig
from typer.testing import CliRunner

import harness.training.loop
import harness.training.micro_batches
from harness.cli import app
from harness.config.run_config import RunConfig
from harness.config.settings import LoraSettings
from harness.models.adapters import add_adapters
from harness.models.critic import Critic
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.recomputing import recompute_layers, recomputing
from harness.records.ledger import Ledger
from harness.records.out_dir import CHECKPOINT, FINAL
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.studies.planning.disk import disk_of
from harness.studies.planning.duration import duration_of
from harness.studies.planning.gpus import gpu_of
from harness.studies.planning.layout import Layout
from harness.studies.planning.memory import GIB, PHASES, memory_of, moments, tokens_at_once
from harness.studies.planning.parts import Parts, bytes_of, parts_of, trace
from harness.training.costs import Sizes, cost_of
from harness.training.optimizer import make_optimizer
from harness.training.state import modules
from tests.support.peak_memory import kept_by, peak_of
from tests.support.small import SMALL, history, run_small, small_config

LLAMA = LlamaConfig(hidden_size=256, intermediate_size=688, num_hidden_layers=4, num_attention_heads=8, vocab_size=64)
CHECKPOINTING: tuple[bool | Literal["selective"], ...] = (False, "selective", True)


def planned(objective: str = "agro", **changes: Any) -> tuple[RunConfig, Parts]:
    config = small_config(objective, **changes)
    return config, parts_of(config)


def plan(llama: str, *options: str) -> Any:
    return CliRunner().invoke(app, ["plan", "--suite", "llama3-8b-math", "--gpu", "h100", "--model", llama, *options])


def test_llama_3_8b_has_its_parameters(llama: str) -> None:
    _, parts = planned(model__path=llama)
    assert sum(p.numel() for p in parts.policy.model.parameters()) == 8_030_261_248
    assert all(p.is_meta for p in parts.policy.model.parameters())


def test_full_training_of_8b_is_refused_with_the_numbers(llama: str) -> None:
    result = plan(llama, "--algos", "agro", "--set", "policy.lora=null")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert (
        f"math@{Path(llama).name}, agro: a run needs 173.5 GiB while training, but the h100 has 79.1" in result.output
    )
    assert "policy.lora.rank=32" in result.output and "adamw_8bit" in result.output
    assert "gradient_checkpointing=true" not in result.output.rpartition("try --set")[2]  # the suite sets it already


def test_with_adapters_it_fits(llama: str) -> None:
    result = plan(llama, "--algos", "agro,ppo", "--completion-tokens", "400")
    assert result.exit_code == 0, result.output
    assert "completions 400 on average" in result.output
    said = " ".join(result.output.split())
    assert "seeds that show the equivalence of 2 equal arms within 2 points" in said
    assert "4 seeds for 1 points, 10 seeds for 2 points, 36 seeds for 4 points" in said


def test_an_unknown_gpu_is_told_the_nearest(llama: str) -> None:
    result = CliRunner().invoke(app, ["plan", "--suite", "tiny-arithmetic", "--gpu", "h10"])
    assert result.exit_code == 2
    assert "no GPU 'h10' is known, did you mean 'h100'?" in result.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--algos", "agro,agro"], "--algos names an objective twice"),
        (["--completion-tokens", "100000"], "--completion-tokens 100000 exceeds the suite's longest completion"),
        (["--prompt-tokens", "4000"], "--prompt-tokens 4000 exceeds the suite's longest prompt"),
    ],
)
def test_bad_plans_are_one_sentence(llama: str, options: list[str], sentence: str) -> None:
    result = plan(llama, *options)
    assert result.exit_code == 2
    assert sentence in result.output


def test_until_decided_with_one_arm_that_can_be_planned(llama: str) -> None:
    """The other arm's reason is told, instead of an error in the expected number of seeds."""
    options = "--gpu h100 --until decided --algos ppo,agro --set rollout.group_size=1 --set baseline=ppo"
    result = CliRunner().invoke(app, ["plan", "--suite", "tiny-arithmetic", *options.split()])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert "group_size" in result.output


@pytest.mark.parametrize("shape", [{"model_type": "t5"}, {"model_type": "llama", "hidden_size": 65}], ids=str)
def test_models_that_are_none_are_one_sentence(shape: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(shape))
    result = plan(str(tmp_path), "--algos", "agro")
    assert result.exit_code == 2
    assert f"cannot load the model {tmp_path}" in result.output.replace("\n", "")


def test_what_is_never_updated_takes_no_step() -> None:
    config, parts = planned("frozen")
    found = duration_of(config, parts, gpu_of("h100"), 10, 10)
    assert (found.steps, found.sampling, found.training) == (0, 0, 0)
    assert found.evaluation > 0


@pytest.mark.parametrize("objective", ["agro", "ppo"])
@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["full", "lora"])
@pytest.mark.parametrize("kind", ["adamw", "adamw_8bit"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_items_are_what_a_run_holds(objective: str, lora: dict[str, int] | None, kind: str, dtype: str) -> None:
    config, parts = planned(objective, policy__lora=lora, optimizer__kind=kind, model__dtype=dtype)
    need = memory_of(config, parts)
    policy = load_policy(config.model, 1.0, config.policy)
    reference = policy.reference()
    critic = Critic(policy) if objective == "ppo" else None
    optimizer = make_optimizer(config.optimizer, modules(policy, critic))
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter in trained:
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    states = [(key, value) for p in trained for key, value in optimizer.state[p].items() if torch.is_tensor(value)]
    tables = {value.data_ptr(): value for key, value in states if key.startswith("qmap")}
    assert need.items["policy"].size == bytes_of(policy.model.parameters())
    assert need.items["reference"].size == (0 if lora else bytes_of(reference.model.parameters()))
    assert need.items["critic"].size == (bytes_of(critic.parameters()) if critic else 0)
    assert need.items["optimiser"].size == bytes_of(v for k, v in states if k != "step" and not k.startswith("qmap"))
    assert bytes_of(tables.values()) <= 2048  # all share the tables of the 8-bit numbers
    assert need.items["gradients"].size == bytes_of(p.grad for p in trained if p.grad is not None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("adapted", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("checkpointing", CHECKPOINTING)
def test_traced_activations_are_those_of_a_real_pass(
    dtype: torch.dtype, adapted: bool, checkpointing: bool | Literal["selective"]
) -> None:
    def build() -> Policy:
        model = AutoModelForCausalLM.from_config(LLAMA, dtype=dtype if adapted else torch.float32)
        if adapted:
            add_adapters(model, LoraSettings(rank=4))
        return Policy(model, None, 1.0, dtype=dtype)

    real = build()
    with torch.device("meta"):
        shape = build()
    kept = trace(shape, checkpointing=checkpointing)
    if checkpointing:
        recompute_layers(real.model, checkpointing)
    for sequences in (4, 8):
        ids = torch.zeros(sequences, 64, dtype=torch.long)
        with real.precision(), recomputing(real.decoder):
            size = kept_by(lambda ids=ids: real.decoder(input_ids=ids, use_cache=False))  # type: ignore[misc]
        assert kept.fixed + kept.a_token * 64 * sequences == pytest.approx(size, rel=0.05)


def test_the_results_of_products_are_about_half_of_all_activations() -> None:
    with torch.device("meta"):
        shape = Policy(AutoModelForCausalLM.from_config(LLAMA), None, 1.0, dtype=torch.bfloat16)
    whole, products, layers = (trace(shape, checkpointing=each).a_token for each in CHECKPOINTING)
    assert 3 * layers < products < 0.55 * whole


@pytest.mark.parametrize("objective", ["agro", "reinforce", "ppo"])
def test_planned_costs_are_the_ledgers(objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The costs of a real run, with the lengths that it had, and with the planned sizes and passes."""
    config, parts = planned(objective)
    sizes = Sizes(policy=parts.policy.size, critic=parts.critic.size if parts.critic else None)
    lengths: list[list[int]] = []
    monkeypatch.setattr(
        harness.training.loop,
        "update",
        lambda run, groups: lengths.append(harness.rollout.groups.lengths(groups)) or {},
    )
    assert run_small(config, tmp_path) == "finished"
    spent = history(tmp_path)[-1]["spent"]
    cost = sum((cost_of(sizes, parts.passes, config.optimizer, batch, batch) for batch in lengths), Ledger())
    assert len(lengths) == 6
    for name in ("completions", "trained_tokens", "scored_tokens", "reference_tokens", "critic_tokens", "flops"):
        assert getattr(cost, name) == spent[name], name


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_copy_of_the_transformers_engine_is_there_while_it_samples(dtype: str) -> None:
    """It shares the weights that it does not convert. A sharded policy has nothing whole to share."""
    config, parts = planned(model__dtype=dtype)
    policy = load_policy(config.model, 1.0, config.policy)
    engine = TransformersEngine(policy, sample_batch=8)
    engine.sync(policy)
    trained = {p.data_ptr() for p in policy.model.parameters()}
    held = [*engine._model.parameters()]
    own = bytes_of(p for p in held if p.data_ptr() not in trained)
    need = memory_of(config, parts)
    assert need.held("sampling")["engine's weights"] == own
    assert "engine's weights" not in need.held("training")
    assert bool(own) == (dtype == "bfloat16")
    sharded = memory_of(config, parts, Layout(devices=2, parallel="shard")).items["engine's weights"].size
    assert sharded == (bytes_of(held) if own else 0)


def test_a_step_of_the_optimiser_takes_no_memory_besides_its_moments() -> None:
    config, parts = planned("ppo")
    modules = {name: copy.deepcopy(module) for name, module in zip(("policy", "critic"), parts.modules, strict=True)}
    optimizer = make_optimizer(config.optimizer, {name: m.to_empty(device="cpu") for name, m in modules.items()})
    for parameter in (p for group in optimizer.param_groups for p in group["params"]):
        parameter.grad = torch.rand_like(parameter)
    optimizer.step()
    assert peak_of(optimizer.step) < 0.01 * memory_of(config, parts).items["gradients"].size


def test_the_critic_keeps_activations_of_its_own() -> None:
    agro, ppo = (memory_of(*planned(name)).held("training")["activations"] for name in ("agro", "ppo"))
    assert ppo == 2 * agro


def test_a_group_is_never_split_so_the_longest_one_counts() -> None:
    small, _ = planned(compute__micro_batch_tokens=10)
    assert tokens_at_once(small) == SMALL["rollout.group_size"] * (32 + SMALL["rollout.max_tokens"])
    large, _ = planned(compute__micro_batch_tokens=100_000)
    assert tokens_at_once(large) == 100_000


def test_the_peak_is_of_the_largest_phase(llama: str) -> None:
    config, parts = planned(
        model__path=llama,
        model__device="cuda",
        model__dtype="bfloat16",
        policy__lora={"rank": 32},
        compute__engine="vllm",
    )
    need = memory_of(config, parts)
    cache = 2 * 32 * 8 * 128 * 2 * 128  # keys and values, layers, heads, width, bytes, one block of tokens
    assert need.items["keys and values"].size == config.compute.sample_batch * cache
    assert need.items["engine's weights"].size == pytest.approx(15.1 * GIB, rel=0.01)
    held = {phase: sum(need.held(phase).values()) for phase in PHASES}
    assert need.peak == held[need.peak_phase] == max(held.values())
    assert "keys and values" in need.held("scoring")  # the engine sleeps only after the pass of the reference
    assert "keys and values" not in need.held("training")


def test_moments_in_8_bit_are_a_quarter() -> None:
    config, _ = planned(optimizer__kind="adamw_8bit")
    layer = torch.nn.Parameter(torch.empty(1000, 1000))
    assert moments([layer.numel()], config.optimizer) == pytest.approx(8e6 / 4, rel=0.02)


@pytest.mark.parametrize(
    ("objective", "changes"),
    [
        ("agro", {}),
        ("ppo", {}),
        ("agro", {"optimizer__optimism": 0.5}),
        ("agro", {"policy__lora": {"rank": 64}}),
        ("agro", {"compute__checkpoints": False}),
    ],
    ids=["plain", "critic", "optimism", "adapters", "no checkpoints"],
)
def test_the_files_of_a_run_have_the_planned_sizes(
    objective: str, changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.training.state.drop_checkpoint", lambda directory: None)
    config, parts = planned(objective, **changes)
    run_small(config, tmp_path)
    expected = disk_of(config, parts)
    written = (tmp_path / CHECKPOINT).stat().st_size if (tmp_path / CHECKPOINT).exists() else 0
    assert written == pytest.approx(expected.checkpoint, rel=0.02, abs=1)
    assert (tmp_path / FINAL / "model.safetensors").stat().st_size == pytest.approx(expected.model, rel=0.02)
