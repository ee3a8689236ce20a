"""Hyperparameters out of range are refused by name. They determine what an objective requires."""

import math

import pytest

from algorithms.agro import AGRO
from algorithms.asymre import AsymRE
from algorithms.cispo import CISPO
from algorithms.constrained import Constrained
from algorithms.dapo import DAPO
from algorithms.dpo import DPO
from algorithms.dppo import DPPO
from algorithms.dr_grpo import DrGRPO
from algorithms.geppo import GEPPO
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.ipo import IPO
from algorithms.maxrl import MaxRL
from algorithms.oapl import OAPL
from algorithms.pmd import PMD
from algorithms.ppo import PPO
from algorithms.reinforce import Reinforce
from algorithms.reinforce_pp import ReinforcePP
from algorithms.rloo import RLOO
from algorithms.rloo_published import RLOOPublished
from algorithms.rpo import RPO
from algorithms.tba import TBA
from algorithms.topr import TOPR

POSITIVE = [
    *((objective, "beta") for objective in (AGRO, RLOO, RLOOPublished, DPO, IPO, RPO, TBA, OAPL)),
    *((objective, name) for objective in (GRPO, DrGRPO, DAPO, GSPO) for name in ("clip_low", "clip_high")),
    *((objective, name) for objective in (PPO, GEPPO) for name in ("clip", "value_clip")),
    *((objective, "clip") for objective in (RLOOPublished, ReinforcePP)),
    *((objective, "cap") for objective in (CISPO, DPPO)),
    (PMD, "tau"),
]
NOT_NEGATIVE = [
    *((objective, "beta") for objective in (Reinforce, ReinforcePP, PPO, GEPPO, TOPR)),
    *((objective, "beta_kl") for objective in (GRPO, DrGRPO, GSPO)),
    *((objective, "value_coefficient") for objective in (PPO, GEPPO)),
    (RPO, "eta"),
]


@pytest.mark.parametrize(
    ("objective", "field", "value"),
    [
        *((objective, field, value) for objective, field in POSITIVE for value in (0, -1.0, math.nan, math.inf)),
        *((objective, field, value) for objective, field in NOT_NEGATIVE for value in (-0.1, math.nan, math.inf)),
        *((objective, "gae_lambda", value) for objective in (PPO, GEPPO) for value in (-0.1, 1.1, math.nan)),
        *((objective, "whiten", "no") for objective in (PPO, GEPPO, ReinforcePP)),
        *((objective, "normalise_length", "no") for objective in (IPO, PMD)),
        (ReinforcePP, "baseline", "group"),
        *((DPPO, "delta", value) for value in (-0.1, 1.1, math.nan)),
        *((AsymRE, "delta", value) for value in ("0", math.nan, -math.inf)),
        *((objective, "pairing", "best") for objective in (DPO, IPO, RPO)),
        *((DPO, "label_smoothing", value) for value in (-0.1, 0.5, math.nan)),
        (AGRO, "beta", "1e-3"),
        (AGRO, "form", "offpolicy"),
        (Reinforce, "baseline", "mean"),
        (Reinforce, "kl", "k1"),
        (GRPO, "normalise_std", "false"),
        (GRPO, "aggregate", "mean"),
    ],
)
def test_a_field_out_of_range_is_refused_by_name(objective: type, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{field} must be .* not "):
        objective(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "tokens"),
        *(("limit", value) for value in (0, -1.0, math.nan)),
        *((field, value) for field in ("rate", "damping") for value in (-0.1, math.inf)),
        ("inner", Constrained(inner=AGRO(), quantity="kl", limit=1.0)),
    ],
)
def test_a_constraint_out_of_range_is_refused_by_name(field: str, value: object) -> None:
    good: dict[str, object] = {"inner": AGRO(), "quantity": "length", "limit": 1.0}
    with pytest.raises(ValueError, match=rf"^{field} must be .* not "):
        Constrained(**good | {field: value})  # type: ignore[arg-type]


def test_requirements_follow_from_the_fields() -> None:
    assert AGRO().requires == RLOO().requires == Reinforce().requires == TBA().requires == {"ref_logp", "group"}
    assert Reinforce(beta=0.0).requires == {"group"}
    assert Reinforce(baseline="batch_mean").requires == {"ref_logp"}
    assert Reinforce(baseline="none", beta=0.0).requires == frozenset()
    assert GRPO().requires == TOPR().requires == {"old_logp", "ref_logp", "group"}
    assert GRPO(beta_kl=0.0).requires == TOPR(beta=0.0).requires == {"old_logp", "group"}
    assert DrGRPO().requires == DAPO().requires == GSPO().requires == {"old_logp", "group"}
    assert DrGRPO(beta_kl=0.1).requires == GSPO(beta_kl=0.1).requires == {"old_logp", "ref_logp", "group"}
    assert PPO().requires == {"old_logp", "ref_logp", "values"}
    assert PPO(beta=0.0).requires == {"old_logp", "values"}
    assert RLOOPublished().requires == {"old_logp", "ref_logp", "group"}
    assert CISPO().requires == DPPO().requires == OAPL().requires == {"old_logp", "group"}
    assert PMD().requires == {"start_logp", "group"}
    assert AsymRE().requires == MaxRL().requires == {"group"}
    assert ReinforcePP().requires == {"old_logp", "ref_logp"}
    assert ReinforcePP(beta=0.0, baseline=True).requires == {"old_logp", "group"}
    assert GEPPO().requires == {"old_logp", "start_logp", "ref_logp", "values"}
    for objective in (DPO, IPO, RPO):
        assert objective().requires == {"ref_logp", "group"}
        assert objective(pairing="random").requires == {"ref_logp", "group", "draws"}
    assert Constrained(inner=DAPO(), quantity="length", limit=9.0).requires == DAPO().requires
    assert Constrained(inner=DAPO(), quantity="kl", limit=9.0).requires == DAPO().requires | {"start_logp", "ref_logp"}
