"""The memory of a sharded model on each device: shards, counted as ``harness plan`` counts them, and gathered parts."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from harness.config.optimizer import OptimizerSettings
from harness.models.parallel import layers_of, part_of
from harness.studies.planning.layout import Layout
from harness.studies.planning.memory import moments

FLOAT = 4
"""The bytes of one number of a gradient. Trained weights are float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardBytes:
    """Bytes on a rank. All ranks reserve the same, except for moments: rank 0 has the most."""

    weights: int
    """The shards of weights, which the rank always holds."""
    moments: int
    """The two moments of AdamW for these shards, which the rank holds from the first step on."""
    gradients: int
    """The shards of gradients, which it holds from the end of an update's passes until its step."""
    gathered: int
    """All weights, in addition to the shards, during passes and while the transformers engine samples."""
    gathered_gradients: int
    """All gradients during the passes of an update, and for a moment in addition to their shards."""
    unit: int
    """The largest part that is gathered at once, if a model gathers one layer at a time.

    Forward passes hold this once, for weights. Backward passes also hold the weights of the next layer, and gradients
    of this size.
    """


def shard_bytes(model: nn.Module, ranks: int) -> ShardBytes:
    """The bytes of ``model`` after it is sharded over ``ranks`` ranks.

    ``model`` is whole and may be on any device, also on torch's ``meta``. A weight is cut along its first dimension
    into parts of equal size, and the last ones are padded. With ``compute.reshard`` a rank never has ``gathered`` and
    ``gathered_gradients``. Instead it has ``unit`` twice for weights and once for gradients.
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
    """The bytes of the parts of all ranks together."""
    return sum(ranks * part_of(p, ranks) * p.element_size() for p in parameters)


def _units(model: nn.Module) -> list[list[nn.Parameter]]:
    layers = [list(layer.parameters()) for layer in layers_of(model)]
    inside = {parameter for layer in layers for parameter in layer}
    return [*layers, [parameter for parameter in model.parameters() if parameter not in inside]]
