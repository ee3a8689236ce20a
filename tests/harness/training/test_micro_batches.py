"""Groups become micro-batches. They stay whole and within the token budget, and none is lost."""

import pytest

from evaluators.types import Problem, Split
from harness.models.hidden import BatchLayout
from harness.models.sequences import Sequences
from harness.rollout.groups import Completion, Group
from harness.training.micro_batches import denominators, micro_batches


def group(name: str, prompt: int, lengths: list[int]) -> Group:
    return Group(
        problem=Problem(id=name, prompt=name, answer="1", split=Split.TRAIN),
        prompt_ids=tuple(range(prompt)),
        completions=tuple(Completion(ids=(7,) * n, logp=(-float(n),) * n, text="", truncated=n == 9) for n in lengths),
        rewards=tuple(float(n % 2) for n in lengths),
    )


GROUPS = [group("a", 4, [3, 9]), group("b", 2, [1, 2]), group("c", 5, [5, 5]), group("d", 2, [2, 2])]


@pytest.mark.parametrize(("limit", "parts"), [(1, 4), (16, 3), (1000, 1)])
def test_groups_stay_whole_and_within_the_limit(limit: int, parts: int) -> None:
    made = micro_batches(GROUPS, limit, "shared")
    assert len(made) == parts
    for part in made:
        rows, width = part.sequences.joined().shape
        assert rows * width <= limit or rows == 2  # a group larger than the limit is alone
        assert part.group.bincount().tolist() == [2] * (rows // 2)
    assert sum(len(part.rewards) for part in made) == 8
    assert sum(int(part.sequences.mask.sum()) for part in made) == 29


@pytest.mark.parametrize("layout", ["packed", "packed_whole"])
@pytest.mark.parametrize(("limit", "parts"), [(1, 4), (20, 3), (35, 2), (55, 1)])
def test_without_padding_only_real_tokens_count(limit: int, parts: int, layout: BatchLayout) -> None:
    made = micro_batches(GROUPS, limit, layout)
    assert len(made) == parts
    for part in made:
        prompts = part.sequences.prompt_lengths[part.sequences.prompt_of]
        assert int(prompts.sum() + part.sequences.mask.sum()) <= limit or len(prompts) == 2
    assert sum(len(part.rewards) for part in made) == 8


def test_each_row_keeps_what_belongs_to_it() -> None:
    (part,) = micro_batches(GROUPS, 1000, "shared")
    lengths = part.sequences.mask.sum(1)
    assert part.rewards.tolist() == [float(n % 2) for n in lengths]
    assert part.truncated.tolist() == [n == 9 for n in lengths]
    assert part.engine_logp[part.sequences.mask].tolist() == [-float(n) for n in lengths for _ in range(n)]
    assert (part.engine_logp[~part.sequences.mask] == 0).all()
    assert (part.sequences.completions[part.sequences.mask] == 7).all()


def test_prompts_are_held_once_and_joined_with_each_completion() -> None:
    pairs = [((1, 2, 3), (4,)), ((5,), (6, 7)), ((1, 2, 3), (8, 9, 10)), ((5,), (11,))]
    sequences = Sequences.of(pairs)
    assert sequences.prompts.tolist() == [[1, 2, 3], [5, 0, 0]]
    assert sequences.prompt_of.tolist() == [0, 1, 0, 1]
    width = 6
    expected = [[*prompt, *completion] for prompt, completion in pairs]
    assert sequences.joined().tolist() == [row + [0] * (width - len(row)) for row in expected]


def test_denominators_count_the_whole_step() -> None:
    counts = denominators(GROUPS, max_tokens=9)
    assert (counts.sequences, counts.tokens, counts.groups, counts.max_tokens) == (8, 29, 4, 9)
    assert counts.reward_mean == 5 / 8
