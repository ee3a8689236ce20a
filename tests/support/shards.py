"""Small models that are sharded, their gradients, and the memory that they take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.config.settings import ModelSettings
from harness.models.critic import Critic
from harness.models.loading import load_policy
from harness.models.parallel import whole
from harness.models.policy import Policy
from harness.models.sequences import Sequences

PAIRS = [
    ((1, 5, 6), (7, 8, 9, 2)),
    ((1, 4), (10, 2)),
    ((1, 4), (5, 6, 7, 8, 9, 10, 2)),
    ((1, 7, 8), (3, 2)),
    ((1, 7, 8), (9, 9, 2)),
]


def load(folder: Path, *, tied: bool = True, dtype: str = "float32", family: str = "", **options: Any) -> Policy:
    path = str(folder / family) if family else "embedded:tiny-arithmetic"
    policy = load_policy(ModelSettings(path=path, device="cpu", dtype=dtype), 1.0, **options)  # type: ignore[arg-type]
    if not tied:
        head = policy.model.get_output_embeddings()
        head.weight = nn.Parameter(head.weight.detach().clone())
        policy.model.config.tie_word_embeddings = False
    for parameter in policy.model.parameters():  # so that the product of the adapters is not zero
        if policy.adapted and parameter.requires_grad and not parameter.any():
            nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(0))
    return policy


def backward(policy: Policy, critic: Critic, indices: Sequence[int]) -> None:
    for index in indices:
        one = Sequences.of([PAIRS[index]])
        (policy.logp(one).sum() + (critic(one) ** 2).sum()).backward()


def gradients(*models: nn.Module) -> dict[str, Tensor]:
    """The whole gradients. Checks that none are left."""
    found = {
        f"{number}/{name}": whole(p.grad)
        for number, model in enumerate(models)
        for name, p in model.named_parameters()
        if p.grad is not None
    }
    for model in models:
        model.zero_grad()
    return found


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The relative norm of the difference."""
    # There may be no gradient for experts that no token reaches.
    names = [name for name in one if name in other or one[name].any()]
    assert not [name for name in other.keys() - one.keys() if other[name].any()]
    difference = torch.stack([(one[name] - other[name]).norm() for name in names]).norm()
    return float(difference / torch.stack([one[name].norm() for name in names]).norm())


def stored(tensors: Any) -> int:
    """The bytes of their memory on this rank, without counting any twice."""
    local = [tensor.to_local() if hasattr(tensor, "to_local") else tensor for tensor in tensors]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in local}.values())
