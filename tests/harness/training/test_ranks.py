"""Several ranks compute the gradients of one process, except for rounding, for every objective in every regime."""

import pytest

from algorithms import OBJECTIVES
from tests.support.batches import CASES as VARIANTS
from tests.support.gradients import WAYS, Case, Difference, differences, make_model
from tests.support.ranks import in_ranks

WITHIN = 1e-6
"""The limit, relative to the norm of the gradient. Sums in another order differ by this much in float32."""
REGIMES = ("on_policy", "stale:1", "replay:16,0.5", "offline")
ALL = tuple(WAYS)
OFTEN = ("agro", "grpo", "ppo", "robust_m2po", "dpo", "kto")
"""These are also tested a layer at a time, and with fewer groups than ranks."""
CORRECTIONS = {"importance_cap": 2.0, "icepop": (0.5, 2.0), "sequence_mask": (0.5, 2.0)}
TWO_EPOCHS = {"updates": 4, "minibatches": 2}
CASES = {
    f"{name}, {regime}": Case(
        objective=name,
        regime=regime,
        ways=ALL if name in OFTEN else ALL[:2],
        **TWO_EPOCHS if regime == "on_policy" else {},
    )
    for name in OBJECTIVES
    for regime in REGIMES
}
CASES |= {
    name: Case(objective=name, updates=2, minibatches=2, ways=("shard",)) for name in VARIANTS if name not in OBJECTIVES
}
CASES |= {f"{name}, one prompt": Case(objective=name, prompts=1, ways=ALL) for name in OFTEN}
CASES |= {name: Case(objective="agro", correction={name: value}) for name, value in CORRECTIONS.items()}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Difference]:
    folder = tmp_path_factory.mktemp("ranks")
    make_model(folder)
    return in_ranks(2, differences, CASES, folder)[0]


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_those_of_one_process(way: str, found: dict[str, Difference]) -> None:
    chosen = {name: case for name, case in CASES.items() if way in case.ways}
    assert len(chosen) >= len(OFTEN)
    for name in chosen:
        one = found[f"{way}: {name}"]
        assert max(one.gradients, one.states) <= WITHIN, name


def test_there_is_something_to_compare(found: dict[str, Difference]) -> None:
    assert all(one.learns for one in found.values())
