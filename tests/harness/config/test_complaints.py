"""The message about a wrong value of a setting uses words that its author knows."""

from typing import Any, Literal

import pytest

from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError

JARGON = ("Input should", "tuple", "dictionary", "instance", "unable to", "Field required", "parse", "fields.:")


def refusal(arm: str, key: str, value: Any) -> str:
    with pytest.raises(HarnessError) as refused:
        run_config(load_suite("tiny-arithmetic", [(key, value)]), arm, 0)
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("looks", "3,5", "looks: must be a list in square brackets, such as [3,5], not '3,5'"),
        ("optimizer.icepop", 0.5, "optimizer.icepop: must be a list in square brackets"),
        ("optimizer.optimism", -1, "optimizer.optimism: must be greater than or equal to 0, not -1"),
        ("optimizer.minibatches", 1.5, "optimizer.minibatches: must be a whole number, not 1.5"),
        ("optimizer.learning_rate", "x", "optimizer.learning_rate: must be a number, not 'x'"),
        ("objectives.agro.robust", "kl", "objectives.agro.robust: must be a mapping in braces"),
        ("objectives.agro.robust", {"kind": "kl"}, "objectives.agro.robust.radius: is missing"),
        ("objectives.agro.robust", {"kind": "k", "radius": 1}, "kind: must be 'kl', 'chi_square' or 'cvar', not 'k'"),
        ("objectives.agro_tapered.fields.taper", "maybe", "fields.taper: must be true or false, not 'maybe'"),
        ("objectives.agro_tapered.fields.delta", -1, "objectives.agro_tapered.fields: delta must be"),
        ("objectives.agro_tapered.fields.delta", "x", "fields.delta: must be a number, not 'x'"),
    ],
)
def test_a_wrong_value_is_told_without_the_words_of_a_programmer(key: str, value: Any, told: str) -> None:
    said = refusal("agro_tapered" if "tapered" in key else "agro", key, value)
    assert told in said
    assert not [word for word in JARGON if word in said]


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize(
    "key",
    [
        "optimizer.optimism",
        "optimizer.updates_per_rollout",
        "optimizer.importance_cap",
        "rollout.temperature",
        "seeds",
        "objectives.agro.fields.beta",
        "objectives.agro.optimizer.learning_rate",
    ],
)
def test_a_truth_value_is_no_number(key: str, answer: bool) -> None:
    """``yes`` would silently become the number 1."""
    assert "must be a number, not " in refusal("agro", key, answer)


def test_nor_inside_a_list() -> None:
    assert "must be a number, not True" in refusal("agro", "optimizer.betas", [0.5, True])


def test_a_truth_value_stays_one_where_it_is_meant() -> None:
    changes = [("policy.gradient_checkpointing", True), ("objectives.agro_tapered.fields.taper", False)]
    config: RunConfig = run_config(load_suite("tiny-arithmetic", changes), "agro_tapered", 0)
    assert config.policy.gradient_checkpointing
    assert config.objective.fields["taper"] is False


@pytest.mark.parametrize("setting", ["icepop", "sequence_mask"])
@pytest.mark.parametrize("ends", [[1.2, 1.5], [0.2, 0.9]])
def test_a_correction_that_would_drop_everything_is_refused(
    setting: Literal["icepop", "sequence_mask"], ends: list[float]
) -> None:
    assert "does not include 1" in refusal("agro", f"optimizer.{setting}", ends)
