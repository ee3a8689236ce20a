"""Sharded models (FSDP2): each rank has a part of every weight, of its gradient and of its moments.

Passes need whole weights. In :func:`gathered`, all ranks have all weights of a model, so each can make any number of
passes. :func:`accumulating` does the same for an update, and sums gradients over ranks once at its end. A model that is
sharded with ``reshard`` gathers one layer at a time in each pass, so all ranks must make the same passes.

Models that are not sharded are left unchanged.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MethodType
from typing import Any, ParamSpec, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers.modeling_layers import GradientCheckpointingLayer

from harness.errors import HarnessError

Given = ParamSpec("Given")
T = TypeVar("T")

METHOD = "as_a_pass"
"""A method of a sharded model. It calls a function as if that were the model's own forward pass."""
RESHARDS = "reshards"
"""An attribute of a sharded model: whether its passes gather one layer at a time."""


def shard(model: nn.Module, *, reshard: bool = False) -> None:
    """Split every weight of ``model`` into one part per rank, in place, and keep this rank's parts.

    Each layer is a unit whose weights are gathered together. Everything else is another unit.

    Raises:
        HarnessError: layers share weights, so they cannot be units; or torch is too old for ``reshard``.
    """
    _refuse_old_torch(reshard)
    device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    layers = layers_of(model)
    _refuse_shared(layers)
    for part in [*layers, model]:
        fully_shard(part, mesh=mesh, reshard_after_forward=reshard)
    for unit in units_of(model):  # these settings do not apply to nested units
        unit.set_gradient_divide_factor(1.0)  # objectives already divide by counts of the whole step
        unit.set_force_sum_reduction_for_comms(True)  # otherwise a factor of 1 needs an operation that gloo lacks
        if reshard:  # for experts without tokens on this rank
            unit.set_reduce_scatter_unused_params(True, recurse=False)
    setattr(model, METHOD, MethodType(lambda self, call, *args, **kwargs: call(*args, **kwargs), model))
    register_fsdp_forward_method(model, METHOD)
    setattr(model, RESHARDS, reshard)


def part_of(tensor: Tensor, ranks: int) -> int:
    """The number of elements that a rank reserves for its part of a tensor.

    The tensor is split along its first dimension into parts of equal size. The last parts are padded.
    """
    if not tensor.numel():
        return 0
    rows = tensor.shape[0] if tensor.dim() else 1
    return -(-rows // ranks) * (tensor.numel() // rows)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """The outermost layers of a model. None of them is inside another."""
    found: list[nn.Module] = []
    inside: set[nn.Module] = set()
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer) and module not in inside and module is not model:
            found.append(module)
            inside.update(module.modules())
    return found


def units_of(model: nn.Module | None) -> list[Any]:
    """The units whose weights are gathered together. Empty for a model that is not sharded."""
    return [] if model is None else [module for module in model.modules() if isinstance(module, FSDPModule)]


def reshards(model: nn.Module | None) -> bool:
    """Whether passes of the model gather one layer at a time, so that all ranks must make equally many passes."""
    return bool(getattr(model, RESHARDS, False))


def as_a_pass(model: nn.Module, call: Callable[Given, T], *args: Given.args, **kwargs: Given.kwargs) -> T:
    """Call a function that uses parts of ``model`` directly. A sharded model must know when a pass begins and ends."""
    method: Callable[..., T] | None = getattr(model, METHOD, None)
    return call(*args, **kwargs) if method is None else method(call, *args, **kwargs)


@contextmanager
def gathered(*models: nn.Module | None) -> Iterator[None]:
    """A context in which this rank has all weights of these models.

    All ranks must enter and leave together. In between, each rank is independent. Nested contexts do nothing.
    """
    cut = [model for model in dict.fromkeys(models) if units_of(model) and _in_parts(model)]
    for model in cut:
        cast(FSDPModule, model).set_reshard_after_forward(False)
        for unit in units_of(model):
            unit.unshard()
    try:
        yield
    finally:
        for model in cut:
            cast(FSDPModule, model).set_reshard_after_forward(reshards(model))
            for unit in units_of(model):
                unit.reshard()


@contextmanager
def passes_over(*models: nn.Module | None) -> Iterator[None]:
    """A context for passes over these models. All ranks must enter and leave together.

    Each rank may make any number of passes, but all ranks must make equally many over models that reshard.
    """
    with gathered(*(model for model in models if not reshards(model))):
        yield


@contextmanager
def accumulating(*models: nn.Module | None) -> Iterator[None]:
    """A context in which backward passes accumulate gradients. At its end, each rank has its part of their global sum.

    A model that gathers one layer at a time sums gradients in each backward pass.
    """
    sharded = [model for model in models if units_of(model) and not reshards(model)]
    with passes_over(*models), ExitStack() as stack:
        for model in sharded:
            stack.enter_context(_summed_once(model))
        yield


@contextmanager
def _summed_once(model: Any) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    model.set_reshard_after_backward(False)
    try:
        yield
        for parameter in model.parameters():
            if parameter.requires_grad and parameter.grad is None:  # a rank without passes, or an unused expert
                parameter.grad = torch.zeros_like(parameter)
        model.set_requires_gradient_sync(True)
        nothing = torch.zeros((), device=next(model.parameters()).device, requires_grad=True)
        as_a_pass(model, nothing.clone).backward()  # type: ignore[no-untyped-call]
    finally:
        model.set_requires_gradient_sync(True)


def whole(tensor: Tensor) -> Tensor:
    """The whole tensor, for which all ranks must call this together. Tensors that are not sharded are unchanged."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: Tensor, pattern: Tensor) -> Tensor:
    """``tensor``, which every rank has as a whole, in the layout of ``pattern``: on its device, and sharded like it."""
    here = tensor.to(pattern.device)
    if isinstance(tensor, DTensor) or not isinstance(pattern, DTensor) or here.shape != pattern.shape:
        return here
    return distribute_tensor(here, pattern.device_mesh, pattern.placements, src_data_rank=None)


@contextmanager
def made_whole(module: nn.Module) -> Iterator[None]:
    """A context in which the parameters of ``module`` are whole tensors, for computations outside of passes."""
    with ExitStack() as stack:
        for part in module.modules():
            for name, parameter in part._parameters.items():
                if isinstance(parameter, DTensor):
                    stack.callback(part._parameters.__setitem__, name, parameter)
                    part._parameters[name] = nn.Parameter(whole(parameter.detach()), requires_grad=False)
        yield


def _in_parts(model: Any) -> bool:
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def _refuse_old_torch(reshard: bool) -> None:
    """Refuse versions that sum only existing gradients. With experts, these can be different ones on each rank."""
    if reshard and not hasattr(FSDPModule, "set_reduce_scatter_unused_params"):
        raise HarnessError(
            f"compute.reshard needs torch 2.13 or newer, and this is {torch.__version__}; install that, or set "
            "compute.reshard=false"
        )


def _refuse_shared(layers: list[nn.Module]) -> None:
    owner: dict[nn.Parameter, int] = {}
    for index, layer in enumerate(layers):
        for parameter in layer.parameters():
            if owner.setdefault(parameter, index) != index:
                raise HarnessError(
                    "this model's layers share weights, so they cannot be sharded; set compute.parallel=replicate"
                )
