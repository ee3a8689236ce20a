"""The models of a run without their weights: the very modules that a run builds, on torch's meta device."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers.modeling_layers import GradientCheckpointingLayer

from harness.config.arms import objective_of
from harness.config.run_config import RunConfig
from harness.models.adapters import add_adapters
from harness.models.critic import Critic
from harness.models.hidden import pass_through
from harness.models.loading import load_without_weights, refusing
from harness.models.policy import Policy
from harness.training.passes import Passes

TRACED = 64
"""Tokens of a traced sequence; what is kept grows with their number alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a run of an arm holds."""

    policy: Policy
    reference: Policy | None
    """None where it is the policy with its adapters off."""
    critic: Critic | None
    passes: Passes

    @property
    def modules(self) -> list[nn.Module]:
        """What is trained."""
        return [self.policy.model, *([self.critic] if self.critic else [])]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Bytes that the backward pass needs of a forward pass through the decoder."""

    a_token: float
    fixed: float
    """Whatever the number of tokens: the trained weights, converted to the precision of the pass."""


def parts_of(config: RunConfig, shared: Parts | None = None) -> Parts:
    """Built from the model's config file alone, or with the policy of another run of the same model and settings.

    Raises:
        HarnessError: the config cannot be loaded, or is of no causal language model.
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
    """Bytes of what stands around the decoder's layers, and of the largest layer: these are gathered one by one."""
    layers = (part for part in model.modules() if isinstance(part, GradientCheckpointingLayer))
    sizes = [bytes_of(layer.parameters()) for layer in layers]
    return bytes_of(model.parameters()) - sum(sizes), max(sizes)


@lru_cache(maxsize=8)
def trace(policy: Policy, *, checkpointing: bool) -> Kept:
    """What autograd keeps, counted in two passes over tensors without data."""
    model = copy.deepcopy(policy.model)
    with FakeTensorMode():
        _materialise(model)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        traced = Policy(model, None, policy.temperature, dtype=policy.dtype)
        one, two = (_kept(traced, sequences) for sequences in (2, 4))
    return Kept(a_token=(two - one) / (2 * TRACED), fixed=2 * one - two)


def _materialise(model: nn.Module) -> None:
    """Fake tensors on the CPU in place of all others: autocast knows no meta device."""
    fakes: dict[nn.Parameter, nn.Parameter] = {}  # what is tied stays tied
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
    weights = {parameter.untyped_storage()._cdata for parameter in policy.model.parameters()}
    found: dict[int, torch.Tensor] = {}  # tensors, not sizes: a storage that is freed gives its place to another

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if (place := tensor.untyped_storage()._cdata) not in weights:
            found[place] = tensor
        return tensor

    ids = torch.zeros(sequences, TRACED, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), policy.precision():
        pass_through(policy.decoder, ids)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())
