"""Several processes train as one does: the same completions, and the same gradients but for rounding."""

from pathlib import Path
from typing import Any

import pytest
import torch

from algorithms import OBJECTIVES
from tests.support.gradients import Case, Trained, alone, gradients
from tests.support.ranks import in_ranks

WITHIN = 1e-6
"""Of the gradient's norm: what float32 leaves of another order of sums."""
WEIGHED = 1e-5
"""Where each token is weighed by the ratio of two log-probabilities, which differ by rounding alone."""
REGIMES = ("stale:4", "replay:16,0.5", "offline")
SMALL: dict[str, Any] = {
    "rollout__prompts": 4,
    "rollout__group_size": 4,
    "rollout__max_tokens": 12,
    "rollout__offline_completions": 16,
    "rollout__reference_samples": 2,
    "compute__micro_batch_tokens": 100,
    "budget": {"unit": "completions", "total": 160},
}
TWICE = {"optimizer__updates_per_rollout": 4, "optimizer__minibatches": 2}
"""Two epochs of two minibatches."""
OTHERWISE = ("ppo", "kto", "m2po", "astar_po", "geppo", "dpo")
"""Also in every other regime: with a critic, totals, an overview, samples of the reference, older policies, pairs."""
CASES: dict[str, Case] = {f"{name}, two epochs": (name, SMALL | TWICE, 1) for name in OBJECTIVES}
CASES |= {
    f"{name}, {regime}": (name, SMALL | {"regime": regime}, 2)
    for place, name in enumerate(OTHERWISE)
    for regime in (REGIMES[place % 3], REGIMES[(place + 1) % 3])
}
CASES |= {
    "constrained": (
        "grpo",
        SMALL | TWICE | {"objectives__grpo__constraint": {"quantity": "kl", "limit": 0.01, "rate": 0.5}},
        2,
    ),
    "robust": ("m2po", SMALL | {"objectives__m2po__robust": {"kind": "chi_square", "radius": 0.5}}, 1),
    "corrected": ("agro", SMALL | {"optimizer__icepop": [0.5, 2.0]}, 1),
    "more groups than divide evenly": ("ppo", SMALL | {"rollout__prompts": 5}, 1),
    "a group for one rank alone": ("ppo", SMALL | {"rollout__prompts": 1, "optimizer__minibatches": 1}, 1),
}
FEW = ("ppo, two epochs", "kto, two epochs", "m2po, two epochs", "constrained", "a group for one rank alone")
"""Of more ranks than groups."""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    return dict(zip(CASES, alone(list(CASES.values()), tmp_path_factory.mktemp("one")), strict=True))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Trained]]:
    """Of both ranks."""
    folder = tmp_path_factory.mktemp("two")
    return [dict(zip(CASES, of, strict=True)) for of in in_ranks(2, gradients, list(CASES.values()), folder)]


def check(found: Trained, expected: Trained, within: float = WITHIN) -> None:
    assert found.completions == expected.completions
    assert len(found.gradients) == len(expected.gradients) > 0
    for ours, theirs in zip(found.gradients, expected.gradients, strict=True):
        assert float((ours - theirs).norm()) <= within * float(theirs.norm())
    for state, other in zip(found.states, expected.states, strict=True):
        assert state == pytest.approx(other, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_train_as_one(case: str, one: dict[str, Trained], two: list[dict[str, Trained]]) -> None:
    check(two[0][case], one[case], WEIGHED if case == "corrected" else WITHIN)


def test_all_ranks_have_the_same_to_the_last_bit(two: list[dict[str, Trained]]) -> None:
    for case, found in two[0].items():
        other = two[1][case]
        assert all(map(torch.equal, found.gradients, other.gradients)), case
        assert found.states == other.states, case


def test_there_is_something_to_compare(one: dict[str, Trained]) -> None:
    learning = [case for case, found in one.items() if all(float(g.norm()) > 0 for g in found.gradients)]
    assert len(learning) > 0.8 * len(CASES)


def test_ranks_without_any_group_change_nothing(one: dict[str, Trained], tmp_path: Path) -> None:
    """Six ranks for minibatches of two groups."""
    (found, *_) = in_ranks(6, gradients, [CASES[case] for case in FEW], tmp_path)
    for case, trained in zip(FEW, found, strict=True):
        check(trained, one[case])
