"""Models in shards (FSDP2): each rank holds a part of every weight, of its gradient and of its moments.

A pass needs whole weights. :func:`gathered` holds all of a model's for a while, in which ranks make any passes, and any
number of them. :func:`accumulating` does so for an update, and sums gradients over the ranks once, as it ends. A model
that is sharded with ``reshard`` gathers a layer at a time instead, in each pass: then all ranks make the same passes.

All of this leaves a model that is not sharded as it is.
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
"""A method of a sharded model. It calls what it is given, as if that were the model's own pass."""
RESHARDS = "reshards"
"""An attribute of a sharded model: whether its passes gather a layer at a time."""


def shard(model: nn.Module, *, reshard: bool = False) -> None:
    """Cut every weight of ``model`` into as many parts as there are ranks, in place, and keep this rank's.

    Layers are the units in which weights are gathered, and whatever else there is another one.

    Raises:
        HarnessError: layers share weights, so that they cannot be units; or torch is too old for ``reshard``.
    """
    _refuse_old_torch(reshard)
    device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    layers = layers_of(model)
    _refuse_shared(layers)
    for part in [*layers, model]:
        fully_shard(part, mesh=mesh, reshard_after_forward=reshard)
    for unit in units_of(model):  # none of these settings reaches units within
        unit.set_gradient_divide_factor(1.0)  # objectives divide by the counts of the whole step
        unit.set_force_sum_reduction_for_comms(True)  # without it a factor of 1 is a multiplication that gloo lacks
        if reshard:  # experts that a rank's tokens do not reach
            unit.set_reduce_scatter_unused_params(True, recurse=False)
    setattr(model, METHOD, MethodType(lambda self, call, *args, **kwargs: call(*args, **kwargs), model))
    register_fsdp_forward_method(model, METHOD)
    setattr(model, RESHARDS, reshard)


def part_of(tensor: Tensor, ranks: int) -> int:
    """Numbers of a tensor that a rank reserves: it is cut along its first dimension into parts of equal size, the last
    ones padded."""
    if not tensor.numel():
        return 0
    rows = tensor.shape[0] if tensor.dim() else 1
    return -(-rows // ranks) * (tensor.numel() // rows)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """The outermost ones: none lies within another."""
    found: list[nn.Module] = []
    inside: set[nn.Module] = set()
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer) and module not in inside and module is not model:
            found.append(module)
            inside.update(module.modules())
    return found


def units_of(model: nn.Module | None) -> list[Any]:
    """The parts whose weights are gathered together; none of a model that is not sharded."""
    return [] if model is None else [module for module in model.modules() if isinstance(module, FSDPModule)]


def reshards(model: nn.Module | None) -> bool:
    """Whether its passes gather a layer at a time, so that all ranks must make equally many."""
    return bool(getattr(model, RESHARDS, False))


def as_a_pass(model: nn.Module, call: Callable[Given, T], *args: Given.args, **kwargs: Given.kwargs) -> T:
    """``call``, which uses parts of ``model`` by themselves. A sharded model must know that a pass begins and ends."""
    method: Callable[..., T] | None = getattr(model, METHOD, None)
    return call(*args, **kwargs) if method is None else method(call, *args, **kwargs)


@contextmanager
def gathered(*models: nn.Module | None) -> Iterator[None]:
    """Inside, this rank has all weights of these models. All ranks enter and leave; in between, each does as it likes.

    Within another one it does nothing.
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
    """Inside, passes over these models may be made: as many as a rank likes, but equally many over those that reshard.

    All ranks enter and leave.
    """
    with gathered(*(model for model in models if not reshards(model))):
        yield


@contextmanager
def accumulating(*models: nn.Module | None) -> Iterator[None]:
    """Inside, backward passes add up gradients. In the end each rank has its part of their sum over all ranks.

    A model that gathers a layer at a time sums in each backward pass.
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
            if parameter.requires_grad and parameter.grad is None:  # of a rank without passes, or an expert's
                parameter.grad = torch.zeros_like(parameter)
        model.set_requires_gradient_sync(True)
        nothing = torch.zeros((), device=next(model.parameters()).device, requires_grad=True)
        as_a_pass(model, nothing.clone).backward()  # type: ignore[no-untyped-call]
    finally:
        model.set_requires_gradient_sync(True)


def whole(tensor: Tensor) -> Tensor:
    """All of it, which all ranks ask for together; a tensor that is not sharded as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: Tensor, pattern: Tensor) -> Tensor:
    """``tensor``, of which every rank has all, on the device of ``pattern``; this rank's part if that is in shards."""
    here = tensor.to(pattern.device)
    if isinstance(tensor, DTensor) or not isinstance(pattern, DTensor) or here.shape != pattern.shape:
        return here
    return distribute_tensor(here, pattern.device_mesh, pattern.placements, src_data_rank=None)


@contextmanager
def made_whole(module: nn.Module) -> Iterator[None]:
    """Inside, the parameters of ``module`` are whole tensors, for computing with them outside of passes."""
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
    """Older versions sum only gradients that are there: with experts, those can be other ones on each rank."""
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
                    "this model's layers share weights, which cannot be cut into shards: set compute.parallel=replicate"
                )
