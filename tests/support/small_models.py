"""Loading a small model from a folder, or having it refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.config.settings import ModelSettings, PolicySettings
from harness.errors import HarnessError
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences

PAIRS = [((5, 6, 7), (8, 9, 10)), ((5, 6, 7), (11, 12, 4, 3)), ((9, 4) * 7, (8, 9))]


def load(folder: Path, training: PolicySettings | None = None, dtype: str = "float32") -> Policy:
    settings = ModelSettings.model_validate({"path": str(folder), "device": "cpu", "dtype": dtype})
    return load_policy(settings, 1.0, training)


def refused(folder: Path, *names: str, training: PolicySettings | None = None) -> None:
    with pytest.raises(HarnessError) as caught:
        load(folder, training)
    sentence = str(caught.value)
    assert "\n" not in sentence and str(folder) in sentence
    assert all(name in sentence for name in names), sentence


def logp(policy: Policy) -> Tensor:
    sequences = Sequences.of(PAIRS)
    with torch.no_grad():
        return policy.logp(sequences)[sequences.mask]
