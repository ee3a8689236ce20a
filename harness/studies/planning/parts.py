"""The models of a run without their weights: the same modules as in a run, on torch's meta device."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from transformers.modeling_layers import GradientCheckpointingLayer

from harness.config.arms import objective_of
from harness.config.run_config import RunConfig
from harness.models.adapters import add_adapters
from harness.models.critic import Critic
from harness.models.loading import load_without_weights, refusing
from harness.models.policy import Policy
from harness.models.recomputing import recompute_layers, recomputing
from harness.training.passes import Passes

TRACED = 64
"""The number of tokens of a traced sequence. The memory of activations is proportional to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The models of a run."""

    policy: Policy
    reference: Policy | None
    """None if the reference is the policy with its adapters switched off."""
    critic: Critic | None
    passes: Passes

    @property
    def modules(self) -> list[nn.Module]:
        """The trained modules."""
        return [self.policy.model, *([self.critic] if self.critic else [])]

    @property
    def trained(self) -> list[nn.Parameter]:
        """Their trained weights."""
        return [weight for module in self.modules for weight in module.parameters() if weight.requires_grad]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Bytes that a forward pass through the decoder keeps for the backward pass."""

    a_token: float
    fixed: float
    """Independent of the number of tokens: the trained weights, converted to the precision of the pass."""


def parts_of(config: RunConfig, shared: Parts | None = None) -> Parts:
    """The models of a run, built from the config file of its model.

    ``shared``: the parts of another run with the same model and settings, whose policy is reused.

    Raises:
        HarnessError: the config cannot be loaded, or is not that of a causal language model.
    """
    policy = shared.policy if shared else _policy_of(config)
    passes = Passes.of(objective_of(config.objective), config.regime_spec, config.optimizer)
    return Parts(
        policy=policy,
        reference=None if policy.adapted else policy.reference(),
        critic=Critic(policy) if passes.critic else None,
        passes=passes,
    )


def _policy_of(config: RunConfig) -> Policy:
    dtype = getattr(torch, config.model.dtype)
    stored = dtype if config.policy.lora else torch.float32
    model = load_without_weights(config.model.path, stored)
    if config.policy.lora:
        with refusing(config.model.path), torch.device("meta"):
            add_adapters(model, config.policy.lora)
    return Policy(model, None, config.rollout.temperature, dtype=dtype)


def bytes_of(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def units_of(model: nn.Module) -> tuple[int, int]:
    """Bytes of the weights outside the decoder's layers, and of the largest layer. Layers are gathered one by one."""
    layers = (part for part in model.modules() if isinstance(part, GradientCheckpointingLayer))
    sizes = [bytes_of(layer.parameters()) for layer in layers]
    return bytes_of(model.parameters()) - sum(sizes), max(sizes)


@lru_cache(maxsize=8)
def trace(policy: Policy, *, checkpointing: bool | Literal["selective"]) -> Kept:
    """The memory that autograd keeps, measured in two passes over tensors without data."""
    model = copy.deepcopy(policy.model)
    with FakeTensorMode():
        _materialise(model)
        if checkpointing:
            recompute_layers(model, checkpointing)
        traced = Policy(model, None, policy.temperature, dtype=policy.dtype)
        one, two = (_kept(traced, sequences) for sequences in (2, 4))
    return Kept(a_token=(two - one) / (2 * TRACED), fixed=2 * one - two)


def _materialise(model: nn.Module) -> None:
    """Replace all tensors by fake ones on the CPU, because autocast does not support the meta device."""
    fakes: dict[nn.Parameter, nn.Parameter] = {}  # keeps tied weights tied
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if parameter not in fakes:
                    fake = torch.empty(parameter.shape, dtype=parameter.dtype)
                    fakes[parameter] = nn.Parameter(fake, requires_grad=parameter.requires_grad)
                module._parameters[name] = fakes[parameter]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _kept(policy: Policy, sequences: int) -> int:
    """Bytes of all tensors that a pass has made and that still exist at its end, without the weights."""
    ids = torch.zeros(sequences, TRACED, dtype=torch.long)
    with policy.precision(), recomputing(policy.decoder), _Made(policy.model.parameters()) as made:
        hidden = policy.decoder(input_ids=ids, use_cache=False).last_hidden_state
        size: int = made.existing()
    del hidden
    return size


class _Made(TorchDispatchMode):
    """Remembers the sizes of all storages that are made in this context, without keeping them alive.

    ``others`` and views of them are not counted.
    """

    def __init__(self, others: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._sizes: dict[Any, int] = {}
        for tensor in others:
            self._remember(tensor, 0)

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = operation(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._remember, found)
        return found

    def existing(self) -> int:
        """The number of bytes of those that still exist."""
        return sum(size for storage, size in self._sizes.items() if not storage.expired())

    def _remember(self, tensor: torch.Tensor, size: int | None = None) -> None:
        storage = tensor.untyped_storage()
        weak: Any = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        self._sizes.setdefault(weak, storage.nbytes() if size is None else size)
