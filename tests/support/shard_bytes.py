"""What a model in shards takes of each device's memory: as ``harness plan`` counts its shards, and what is gathered."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from harness.config.optimizer import OptimizerSettings
from harness.models.parallel import layers_of, part_of
from harness.studies.planning.layout import Layout
from harness.studies.planning.memory import moments

FLOAT = 4
"""Bytes of a gradient's number: what is trained is float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardBytes:
    """Bytes on a rank. All ranks reserve the same, but for moments, of which rank 0 has the most."""

    weights: int
    """Its shards, always held."""
    moments: int
    """AdamW's two, of its shards, always held, from the first step on."""
    gradients: int
    """Its shards, from the end of an update's passes to its step."""
    gathered: int
    """All weights, beside the shards: while passes are made, and while the transformers engine samples."""
    gathered_gradients: int
    """While an update's passes are made, and for a moment beside the shards of them."""
    unit: int
    """The largest of the parts that are gathered together: what a model that gathers a layer at a time holds of
    weights, once for passes forward; backward it holds this of gradients as well, and the next layer's weights."""


def shard_bytes(model: nn.Module, ranks: int) -> ShardBytes:
    """Of ``model``, whole and on any device, torch's ``meta`` too, once it is in shards on ``ranks`` ranks.

    A weight is cut along its first dimension into parts of equal size, the last ones padded. With
    ``compute.reshard`` a rank never has ``gathered`` and ``gathered_gradients``, but twice and once ``unit``.
    """
    layout, parameters = Layout(devices=ranks, parallel="shard"), list(model.parameters())
    trained = [p for p in parameters if p.requires_grad]
    return ShardBytes(
        weights=layout.held(parameters),
        moments=int(moments(layout.elements(trained), OptimizerSettings())),
        gradients=layout.held(trained),
        gathered=_whole(parameters, ranks),
        gathered_gradients=FLOAT * sum(p.numel() for p in trained),
        unit=max(_whole(part, ranks) for part in _units(model)),
    )


def _whole(parameters: Iterable[nn.Parameter], ranks: int) -> int:
    """Bytes of all ranks' parts, side by side."""
    return sum(ranks * part_of(p, ranks) * p.element_size() for p in parameters)


def _units(model: nn.Module) -> list[list[nn.Parameter]]:
    layers = [list(layer.parameters()) for layer in layers_of(model)]
    inside = {parameter for layer in layers for parameter in layer}
    return [*layers, [parameter for parameter in model.parameters() if parameter not in inside]]
