"""Some objectives are another one with fixed fields. The fixed fields cannot be set."""

from dataclasses import asdict

import pytest
import torch

from algorithms import OBJECTIVES
from algorithms.dapo import DAPO
from algorithms.dpo import DPO
from algorithms.dr_grpo import DrGRPO
from algorithms.geppo import GEPPO
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.ppo import PPO
from algorithms.rpo import RPO
from algorithms.types import Objective, hyperparameters
from tests.support.batches import gradients, random_batch, step_loss

OWN = {
    "dapo": {"clip_low", "clip_high"},
    "dr_grpo": {"clip_low", "clip_high", "beta_kl"},
    "gspo": {"clip_low", "clip_high", "beta_kl"},
    "geppo": {"beta", "gae_lambda", "whiten", "clip", "value_clip", "value_coefficient"},
    "rpo": {"beta", "eta", "pairing"},
}
"""The fields in the id of a run with each of these objectives."""


@pytest.mark.parametrize("name", OWN)
def test_what_is_fixed_is_no_hyperparameter_and_cannot_be_set(name: str) -> None:
    kind = OBJECTIVES[name]
    assert set(hyperparameters(kind)) == set(hyperparameters(kind())) == OWN[name]
    for field in set(asdict(kind())) - OWN[name]:
        with pytest.raises(TypeError, match=field):
            kind(**{field: getattr(kind(), field)})


@pytest.mark.parametrize(
    ("preset", "parent"),
    [
        (DAPO(), GRPO(clip_low=0.2, clip_high=0.28, normalise_std=True, beta_kl=0.0, aggregate="token_mean")),
        (DAPO(clip_low=0.1, clip_high=0.4), GRPO(clip_low=0.1, clip_high=0.4, beta_kl=0.0, aggregate="token_mean")),
        (DrGRPO(), GRPO(normalise_std=False, beta_kl=0.0, aggregate="constant")),
        (DrGRPO(clip_low=0.1, beta_kl=0.2), GRPO(clip_low=0.1, normalise_std=False, beta_kl=0.2, aggregate="constant")),
    ],
)
def test_a_preset_is_its_parent_with_those_values(preset: Objective, parent: Objective) -> None:
    policy, batch = random_batch()
    ours, theirs = (step_loss(objective, policy, batch) for objective in (preset, parent))
    assert preset.requires == parent.requires
    assert torch.equal(ours.loss, theirs.loss)
    assert torch.equal(gradients(ours.loss, policy), gradients(theirs.loss, policy))
    assert ours.metrics == theirs.metrics


@pytest.mark.parametrize(("kind", "parent"), [(DAPO, GRPO), (DrGRPO, GRPO), (GSPO, GRPO), (GEPPO, PPO), (RPO, DPO)])
def test_a_relative_refuses_what_its_parent_refuses(kind: type[Objective], parent: type[Objective]) -> None:
    for field in set(hyperparameters(kind)) & set(hyperparameters(parent)):
        for objective in (kind, parent):
            with pytest.raises(ValueError, match=f"^{field} must be"):
                objective(**{field: "nonsense"})
