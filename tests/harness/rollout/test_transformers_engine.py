"""Sampling: the correct distribution, and the same draws with the same seed, whatever is sampled at the same time."""

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from evaluators.types import Problem, Split
from harness.config.settings import ModelSettings
from harness.errors import HarnessError
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.rollout.engines.engine import Sampling, sample_groups
from harness.rollout.engines.transformers_engine import STOP_WINDOW, TransformersEngine, _gaps_closed, draw

PROMPTS = ["17+8+25=", "3+4+5=", "40+1+22+9=", "7+7+7="]
EXAMPLES = "12+5=17;" * 12
"""Long enough to pass once for all prompts."""
SAMPLING = Sampling(temperature=1.0, max_tokens=40)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32"), temperature=1.0)


@pytest.fixture(scope="module")
def engine(policy: Policy) -> TransformersEngine:
    return TransformersEngine(policy, sample_batch=512)


@pytest.fixture(scope="module", params=["", EXAMPLES], ids=["plain", "behind examples"])
def prompts(policy: Policy, request: pytest.FixtureRequest) -> list[tuple[int, ...]]:
    return [policy.encode(request.param + prompt) for prompt in PROMPTS]


def test_the_same_seed_draws_the_same_and_another_seed_does_not(
    engine: TransformersEngine, prompts: list[tuple[int, ...]]
) -> None:
    ids = [[[c.ids for c in group] for group in engine.generate(prompts, 4, SAMPLING, seed)] for seed in (1, 1, 2)]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]
    assert len({c for group in ids[0] for c in group}) > 8  # completions of one prompt differ


def test_what_is_sampled_side_by_side_does_not_matter(
    policy: Policy, engine: TransformersEngine, prompts: list[tuple[int, ...]]
) -> None:
    """Other batch sizes have other padding. This may change the last bits, but not the draws."""
    one_group_at_a_time = TransformersEngine(policy, sample_batch=4)
    for one, other in zip(
        engine.generate(prompts, 4, SAMPLING, 1), one_group_at_a_time.generate(prompts, 4, SAMPLING, 1), strict=True
    ):
        assert [c.ids for c in one] == [c.ids for c in other]


def test_log_probabilities_are_the_trainers(
    policy: Policy, engine: TransformersEngine, prompts: list[tuple[int, ...]]
) -> None:
    groups = engine.generate(prompts, 4, SAMPLING, 1)
    pairs = [(p, c.ids) for p, group in zip(prompts, groups, strict=True) for c in group]
    sequences = Sequences.of(pairs)
    expected = policy.logp(sequences)[sequences.mask]
    sampled = torch.tensor([x for group in groups for c in group for x in c.logp])
    torch.testing.assert_close(sampled, expected, atol=2e-5, rtol=0)


def test_what_all_prompts_begin_with_passes_once(policy: Policy, engine: TransformersEngine) -> None:
    behind = [policy.encode(EXAMPLES + prompt) for prompt in PROMPTS]
    passed: list[torch.Size] = []
    layer = policy.model.get_decoder().layers[0]
    hook = layer.register_forward_pre_hook(lambda _, inputs: passed.append(inputs[0].shape[:2]))
    engine.generate(behind, 2, Sampling(temperature=1.0, max_tokens=1), 0)
    hook.remove()
    shared = len(policy.encode(EXAMPLES))
    assert passed == [(1, shared), (4, max(map(len, behind)) - shared)]


def test_greedy_tokens_are_those_of_transformers_generate(
    policy: Policy, engine: TransformersEngine, prompts: list[tuple[int, ...]]
) -> None:
    groups = engine.generate(prompts, 1, Sampling(temperature=0, max_tokens=40), 0)
    for prompt, (completion,) in zip(prompts, groups, strict=True):
        ids = torch.tensor([prompt])
        plain = policy.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=40)
        assert plain[0, len(prompt) :].tolist() == list(completion.ids)


def test_an_end_is_kept_and_a_cut_is_marked(
    policy: Policy, engine: TransformersEngine, prompts: list[tuple[int, ...]]
) -> None:
    short = Sampling(temperature=1.0, max_tokens=6)
    completions = [c for group in engine.generate(prompts, 16, short, 3) for c in group]
    assert any(c.truncated for c in completions)
    assert any(not c.truncated for c in completions)
    for completion in completions:
        ended = completion.ids[-1] in policy.eos_ids
        assert completion.truncated == (not ended)
        assert len(completion.ids) == len(completion.logp) <= 6
        assert not set(completion.ids[:-1]) & set(policy.eos_ids)
        assert "<eos>" not in completion.text


def test_a_stop_string_ends_a_completion(engine: TransformersEngine, prompts: list[tuple[int, ...]]) -> None:
    stopping = Sampling(temperature=1.0, max_tokens=40, stop=(";",))
    for group in engine.generate(prompts, 8, stopping, 3):
        for completion in group:
            assert ";" not in completion.text
            assert not completion.truncated
    free = [c.text for group in engine.generate(prompts, 8, SAMPLING, 3) for c in group]
    cut = [c.text for group in engine.generate(prompts, 8, stopping, 3) for c in group]
    assert [text.partition(";")[0] for text in free] == cut


def test_a_long_stop_string_ends_a_completion_at_once(
    engine: TransformersEngine, policy: Policy, prompts: list[tuple[int, ...]]
) -> None:
    """One that is longer than the usual window, and that some completion contains."""
    free = [c for group in engine.generate(prompts, 8, SAMPLING, 3) for c in group]
    longest = max(range(len(free)), key=lambda place: len(free[place].ids))
    tokens = free[longest].ids[: STOP_WINDOW + 4]
    stop = policy.tokenizer.decode(tokens)
    assert len(tokens) == STOP_WINDOW + 4 < len(free[longest].ids)
    stopping = Sampling(temperature=1.0, max_tokens=40, stop=(stop,))
    cut = [c for group in engine.generate(prompts, 8, stopping, 3) for c in group][longest]
    assert (cut.text, cut.ids, cut.truncated) == ("", tokens, False)


def test_a_stop_string_may_be_a_special_token(
    engine: TransformersEngine, policy: Policy, prompts: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoded text does not have it, so it is recognised by its id."""
    usual = engine.generate(prompts, 8, SAMPLING, 3)
    monkeypatch.setitem(policy.__dict__, "eos_ids", ())  # nothing else ends a completion
    endless = [c for group in engine.generate(prompts, 8, SAMPLING, 3) for c in group]
    assert any(len(one.ids) == SAMPLING.max_tokens for one in endless)
    stopping = Sampling(temperature=1.0, max_tokens=SAMPLING.max_tokens, stop=("<eos>",))
    assert engine.generate(prompts, 8, stopping, 3) == usual


def test_a_prompt_without_tokens_is_refused(engine: TransformersEngine, policy: Policy) -> None:
    problem = Problem(id="p7", prompt="", answer="1", split=Split.TRAIN)
    with pytest.raises(HarnessError, match="the prompt of problem p7 has no tokens"):
        sample_groups(engine, policy, [problem], 2, SAMPLING, 0)


def test_draws_follow_the_softmax_at_the_temperature() -> None:
    """A grid of noise takes the place of chance. The share of each token in it is its probability."""
    logits = torch.tensor([2.0, -1.0, 0.5, float("-inf"), 1.0])
    noise = (torch.arange(100_000) + 0.5) / 100_000
    token, logp = draw(logits.expand(100_000, 5), noise, Sampling(temperature=0.7, max_tokens=1))
    expected = (logits / 0.7).softmax(-1)
    shares = torch.bincount(token, minlength=5) / 100_000
    torch.testing.assert_close(shares, expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(logp.exp(), expected[token])


@pytest.mark.parametrize(
    ("top_p", "top_k", "kept"),
    [(1.0, 2, [0, 4]), (1.0, 9, [0, 1, 2, 4]), (0.59, 0, [0]), (0.61, 0, [0, 4]), (0.9, 2, [0, 4]), (1e-9, 0, [0])],
)
def test_top_p_and_top_k_leave_the_likeliest_in_their_proportions(top_p: float, top_k: int, kept: list[int]) -> None:
    """Four tokens with probabilities 0.6, 0.3, 0.08 and 0.02, and an impossible one."""
    probs = torch.tensor([0.6, 0.02, 0.08, 0.0, 0.3], dtype=torch.float64)
    expected = torch.zeros_like(probs).index_copy(0, torch.tensor(kept), probs[kept])
    expected = (expected / expected.sum()).float()
    noise = (torch.arange(100_000) + 0.5) / 100_000
    sampling = Sampling(temperature=1.0, max_tokens=1, top_p=top_p, top_k=top_k)
    token, logp = draw(probs.log().float().expand(100_000, 5), noise, sampling)
    torch.testing.assert_close(torch.bincount(token, minlength=5) / 100_000, expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(logp.exp(), expected[token])


@pytest.mark.parametrize("noise", [0.0, 1 - 2**-24])
def test_the_ends_of_the_noise_never_draw_an_impossible_token(noise: float) -> None:
    logits = torch.tensor([[float("-inf"), 0.0, 1.0, float("-inf")]])
    token, _ = draw(logits, torch.tensor([noise]), Sampling(temperature=1.0, max_tokens=1))
    assert token.item() in (1, 2)


def test_rows_that_end_leave_their_places_to_the_last_ones() -> None:
    keep = torch.tensor([True, False, True, False, False, True, True])
    assert _gaps_closed(keep).tolist() == [0, 5, 2, 6]
    assert _gaps_closed(torch.tensor([False, True])).tolist() == [1]
    assert _gaps_closed(torch.tensor([True, True, False])).tolist() == [0, 1]


@pytest.mark.parametrize("window", [None, 4])
def test_prompts_of_any_length_see_what_the_model_lets_them_see(policy: Policy, window: int | None) -> None:
    """Padded prompts, rows that end, and layers with a window: each log-probability is that of a plain pass."""
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(vocab_size=16, num_key_value_heads=2, sliding_window=window, eos_token_id=1, **shape)
    random = Policy(MistralForCausalLM(config), policy.tokenizer, temperature=1.0)
    prompts = [tuple(range(2, 2 + length)) for length in (3, 9, 6)]
    groups = TransformersEngine(random, sample_batch=512).generate(prompts, 6, SAMPLING, 0)
    assert len({len(completion.ids) for group in groups for completion in group}) > 6
    for prompt, group in zip(prompts, groups, strict=True):
        for completion in group:
            ids = torch.tensor([prompt + completion.ids])
            logp = random.model(input_ids=ids).logits.log_softmax(-1)[0, len(prompt) - 1 : -1]
            expected = logp.gather(-1, torch.tensor(completion.ids)[:, None]).squeeze(-1)
            torch.testing.assert_close(torch.tensor(completion.logp), expected, atol=1e-5, rtol=0)
