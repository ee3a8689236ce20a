"""Hyperparameters out of range are refused by name; what an objective requires follows from them."""

import math

import pytest

from algorithms.agro import AGRO
from algorithms.grpo import GRPO
from algorithms.reinforce import Reinforce
from algorithms.rloo import RLOO


@pytest.mark.parametrize(
    ("objective", "field", "value"),
    [
        *((objective, "beta", value) for objective in (AGRO, RLOO) for value in (0, -1.0, math.nan, math.inf)),
        (AGRO, "beta", "1e-3"),
        (AGRO, "form", "offpolicy"),
        (Reinforce, "beta", -0.1),
        (Reinforce, "beta", math.nan),
        (Reinforce, "baseline", "mean"),
        (Reinforce, "kl", "k1"),
        (GRPO, "clip_low", 0.0),
        (GRPO, "clip_high", -0.2),
        (GRPO, "beta_kl", -1),
        (GRPO, "normalise_std", "false"),
        (GRPO, "aggregate", "mean"),
    ],
)
def test_a_field_out_of_range_is_refused_by_name(objective: type, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{field} must be .* not "):
        objective(**{field: value})


def test_requirements_follow_from_the_fields() -> None:
    assert AGRO().requires == RLOO().requires == Reinforce().requires == {"ref_logp", "group"}
    assert Reinforce(beta=0.0).requires == {"group"}
    assert Reinforce(baseline="batch_mean").requires == {"ref_logp"}
    assert Reinforce(baseline="none", beta=0.0).requires == frozenset()
    assert GRPO().requires == {"old_logp", "ref_logp", "group"}
    assert GRPO(beta_kl=0.0).requires == {"old_logp", "group"}
