"""Passing a prompt once gives the same as passing it with every completion, if this is allowed."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from harness.config.settings import LoraSettings, PolicySettings
from harness.models.critic import Critic
from harness.models.hidden import PASS_COSTS, alike, common_beginning, hidden_states
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from tests.support.ragged import BEGINNING, EXAMPLES, GROUPS, LONG, MIXED, SHORT, Pairs, load


def one_by_one(policy: Policy, pairs: Pairs) -> torch.Tensor:
    """Log-probabilities, with each sequence alone."""
    return torch.cat([policy.logp(Sequences.of([pair]))[0] for pair in pairs])


def flat(policy: Policy, pairs: Pairs) -> torch.Tensor:
    sequences = Sequences.of(pairs)
    return policy.logp(sequences)[sequences.mask]


def passed(policy: Policy, pairs: Pairs) -> int:
    """The number of tokens, with padding, that went through the first layer."""
    counts: list[int] = []
    layer = policy.model.get_decoder().layers[0]
    hook = layer.register_forward_pre_hook(lambda _, inputs: counts.append(inputs[0].shape[0] * inputs[0].shape[1]))
    with torch.no_grad():
        flat(policy, pairs)
    hook.remove()
    return sum(counts)


@pytest.mark.parametrize(
    "pairs", [GROUPS, MIXED, EXAMPLES, EXAMPLES[2:4]], ids=["groups", "mixed", "examples", "alone"]
)
@pytest.mark.parametrize("pass_costs", [0, 256], ids=["cut by length", "together"])
@pytest.mark.parametrize(
    "training", [PolicySettings(), PolicySettings(lora=LoraSettings(rank=4))], ids=["full", "lora"]
)
def test_shared_prompts_change_neither_log_probabilities_nor_gradients(
    pairs: Pairs,
    pass_costs: int,
    training: PolicySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.models.hidden.PASS_COSTS", pass_costs)
    policy = load(training=training)
    tolerance = 2e-6 if len(pairs[0][0]) < 300 else 2e-5
    torch.testing.assert_close(flat(policy, pairs), one_by_one(policy, pairs), atol=tolerance, rtol=2e-6)
    found = []
    for logp in (flat, one_by_one):
        policy.model.zero_grad()
        (logp(policy, pairs) ** 2).sum().backward()
        found.append({name: p.grad.clone() for name, p in policy.model.named_parameters() if p.grad is not None})
    for name, expected in found[1].items():
        torch.testing.assert_close(found[0][name], expected, atol=2e-5 * float(expected.abs().max()), rtol=0)


def test_in_bfloat16_they_differ_by_rounding_alone() -> None:
    low, high = load("bfloat16"), load()
    with torch.no_grad():
        exact = flat(high, GROUPS)
        shared, apart = flat(low, GROUPS) - exact, one_by_one(low, GROUPS) - exact
    assert shared.abs().mean() < 1.5 * apart.abs().mean()


def test_values_are_those_of_each_sequence_by_itself() -> None:
    critic = Critic(load())
    nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(0))
    sequences = Sequences.of(MIXED)
    alone = torch.cat([critic(Sequences.of([pair]))[0] for pair in MIXED])
    torch.testing.assert_close(critic(sequences)[sequences.mask], alone, atol=1e-5, rtol=1e-5)


def test_a_prompt_passes_once() -> None:
    assert passed(load(), GROUPS) == 2 * len(LONG) + 5 * 7
    assert passed(load(), GROUPS[:1]) == len(LONG) + 8


def test_what_all_prompts_begin_with_passes_once() -> None:
    assert passed(load(), EXAMPLES) == len(BEGINNING) + 2 * len(LONG) + 5 * 7
    alone = [*EXAMPLES[2:4], ((*BEGINNING, *SHORT, 7), (9, 1))]
    assert passed(load(), alone) == len(BEGINNING) + 3 * len(LONG) + 3 * 2
    assert passed(load(), alone[:2]) == 2 * (len(BEGINNING) + len(LONG) + 3)  # two more passes would cost more
    assert passed(load(), EXAMPLES[:2]) == len(BEGINNING) + len(LONG) + 2 * 7


@pytest.mark.parametrize(
    ("beginning", "prompts", "expected"),
    [
        (BEGINNING, [LONG, SHORT], 300),
        (BEGINNING, [LONG, (*LONG, 2), (*LONG, 4)], 305),  # the shortest prompt keeps a token
        (BEGINNING[:257], [LONG, SHORT], 257),
        (BEGINNING[:256], [LONG, SHORT], 0),  # as much as a pass costs
        (BEGINNING[:86], [LONG, SHORT, (1,), (2,)], 86),
        (BEGINNING, [LONG], 0),
        ((), [LONG, SHORT], 0),
    ],
)
def test_a_common_beginning_must_save_more_than_a_pass_costs(
    beginning: tuple[int, ...], prompts: list[tuple[int, ...]], expected: int
) -> None:
    sequences = Sequences.of([((*beginning, *prompt), (1,)) for prompt in prompts])
    assert common_beginning(sequences.prompts, sequences.prompt_lengths) == expected


def test_completions_pass_with_others_of_their_length_and_nothing_of_the_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.models.hidden.PASS_COSTS", 0)
    assert passed(load(), GROUPS) == 2 * len(LONG) + 7 + 3 + 2 + 1 + 1


def padded(lengths: list[int], parts: list[list[int]]) -> int:
    return sum(len(part) * max(lengths[i] for i in part) for part in parts)


@pytest.mark.parametrize("seed", range(20))
def test_parts_hold_everyone_once_and_each_cut_saves_more_than_a_pass(seed: int) -> None:
    lengths = torch.randint(1, 200, (64,), generator=torch.Generator().manual_seed(seed)).tolist()
    parts = alike(lengths)
    assert sorted(i for part in parts for i in part) == list(range(64))
    assert padded(lengths, [list(range(64))]) - padded(lengths, parts) > PASS_COSTS * (len(parts) - 1) > 0
    for a, b in pairwise(parts):
        assert max(lengths[i] for i in a) <= min(lengths[i] for i in b)
        assert padded(lengths, [a + b]) - padded(lengths, [a, b]) > PASS_COSTS


def test_what_saves_no_more_than_a_pass_costs_is_not_cut() -> None:
    assert alike([40] * 64) == [list(range(64))]
    assert len(alike([1] * 8 + [33] * 8)) == 1
    assert len(alike([1] * 8 + [34] * 8)) == 2


def test_layers_that_are_computed_again_keep_each_prompt_with_its_completion() -> None:
    thrifty = load(training=PolicySettings(gradient_checkpointing=True))
    assert passed(thrifty, GROUPS) == 5 * (len(LONG) + 8)


def test_layers_that_keep_the_results_of_products_share_prompts() -> None:
    thrifty = load(training=PolicySettings(gradient_checkpointing="selective"))
    assert passed(thrifty, GROUPS) == passed(load(), GROUPS)


def test_nothing_of_the_state_before_a_token_knows_the_token() -> None:
    decoder = load().model.get_decoder()
    other = [(prompt, (*completion[:-1], 10)) for prompt, completion in GROUPS]
    mask = Sequences.of(GROUPS).mask
    places = torch.arange(mask.shape[1] + 1) <= mask.sum(-1, keepdim=True)
    behind = nn.functional.pad(~mask, (0, 1), value=True)[places]
    found, changed = (hidden_states(decoder, Sequences.of(pairs), places, "shared") for pairs in (GROUPS, other))
    assert torch.equal(found[~behind], changed[~behind])
    assert not torch.isclose(found[behind], changed[behind]).all(-1).any()
    before = hidden_states(decoder, Sequences.of(GROUPS), mask, "shared")
    torch.testing.assert_close(before, found[~behind], atol=1e-5, rtol=1e-5)


def test_completions_of_one_token_are_predicted_from_their_prompts() -> None:
    policy, pairs = load(), [(LONG, (1,)), (LONG, (9,))]
    torch.testing.assert_close(flat(policy, pairs), one_by_one(policy, pairs), atol=2e-6, rtol=2e-6)
