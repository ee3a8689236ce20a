"""What the trainer computes for completions stays with its completion, number for number, and is never dropped."""

import math

import pytest
import torch

from algorithms.scores import COMPUTED, SCORES, Scores
from algorithms.types import Batch
from evaluators.types import Problem, Split
from harness.rollout.groups import GROUPS, Completion, Group, scores_of, with_scores
from harness.training.micro_batches import denominators, micro_batches

LENGTHS = [[3, 9], [1, 2], [5, 5]]


def group(index: int) -> Group:
    return Group(
        problem=Problem(id=str(index), prompt="?", answer="1", split=Split.TRAIN),
        prompt_ids=(1, 2),
        completions=tuple(Completion(ids=(7,) * n, logp=(-1.0,) * n, text="", truncated=False) for n in LENGTHS[index]),
        rewards=(0.0, 1.0),
    )


def table() -> torch.Tensor:
    """[6, 9] A different number for each token of the three groups, and 0 for padding."""
    lengths = torch.tensor([n for lengths in LENGTHS for n in lengths])
    numbers = torch.arange(54.0).view(6, 9) / 7 + 1
    return numbers.where(torch.arange(9) < lengths[:, None], 0.0)


def scored() -> list[Group]:
    return with_scores([group(i) for i in range(3)], {"ref_logp": table(), "draws": torch.arange(6) / 6})


def test_every_score_is_a_field_of_the_batch_that_something_requires() -> None:
    assert set(SCORES) <= set(Batch.__dataclass_fields__)
    passes = {"ref_logp", "old_logp", "start_logp", "current_logp", "mismatched_log_ratio", "values"}
    assert passes | {"ref_rewards", "draws", "group"} == COMPUTED


def test_scores_go_to_their_completions_and_come_back_in_any_order() -> None:
    groups = scored()
    assert [group.scores.given()["ref_logp"].shape for group in groups] == [(2, 9), (2, 2), (2, 5)]
    joined = scores_of([groups[2], groups[0], groups[1]])
    rows = [4, 5, 0, 1, 2, 3]
    assert torch.equal(joined.given()["ref_logp"], table()[rows])
    assert torch.equal(joined.given()["draws"], (torch.arange(6) / 6)[rows])
    assert set(joined.given()) == {"ref_logp", "draws"}


def test_a_batch_is_as_wide_as_its_longest_completion() -> None:
    (part,) = micro_batches(scored()[1:], 1000, "shared")
    batch = part.batch(denominators(scored()[1:], 9), torch.device("cpu"), state={})
    assert batch.ref_logp is not None and batch.ref_logp.shape == batch.mask.shape == (4, 5)
    assert torch.equal(batch.ref_logp != 0, batch.mask)
    assert batch.old_logp is None


def test_more_scores_are_added_to_those_that_are_there() -> None:
    groups = with_scores(scored(), {"old_logp": -table()})
    given = scores_of(groups).given()
    assert torch.equal(given["old_logp"], -given["ref_logp"])


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_a_score_that_some_completions_lack_is_refused(lacking: int) -> None:
    groups = scored()
    groups[lacking] = group(lacking)
    with pytest.raises(ValueError, match="only 2 of 3 prompts of a micro-batch have ref_logp"):
        micro_batches(groups, 1000, "shared")


def test_scores_come_back_from_disk_number_for_number() -> None:
    odd = table()
    odd[0, :3] = torch.tensor([-math.inf, 1e-45, -1 / 3])
    odd[1, 0] = math.nan
    groups = with_scores(scored(), {"old_logp": odd})
    back = GROUPS.validate_json(GROUPS.dump_json(groups))
    for name, tensor in scores_of(groups).given().items():
        assert torch.equal(scores_of(back).given()[name].view(torch.int32), tensor.view(torch.int32))
    assert GROUPS.validate_python(GROUPS.dump_python([group(0)], mode="json"))[0].scores == Scores()


def test_groups_of_another_version_are_refused() -> None:
    stored = GROUPS.dump_python([group(0)], mode="json")
    stored[0]["completions"][0]["known"] = {}
    with pytest.raises(ValueError, match="known"):
        GROUPS.validate_python(stored)
