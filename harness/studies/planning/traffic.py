"""The communication between the devices of one run, in bytes and in seconds."""

from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.studies.planning.device import Device
from harness.studies.planning.layout import Layout
from harness.studies.planning.parts import Parts, bytes_of

MACHINE = 8
"""The number of devices per machine. A larger gang also uses the network."""
LINK_SHARE = 0.7
"""The share of a link's bandwidth that gathers and reductions reach."""
HOP = 2e-5
"""Seconds of one hop between devices: launch of the kernel, and latency."""
TOKEN_BYTES = 16
"""Bytes per token of a gathered completion: its id, its log-probability and its text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The traffic through the link of one device, in each direction."""

    bytes: float = 0.0
    hops: float = 0.0
    """The number of sequential messages."""

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(bytes=self.bytes + other.bytes, hops=self.hops + other.hops)

    def times(self, count: float) -> "Traffic":
        return Traffic(bytes=count * self.bytes, hops=count * self.hops)

    def seconds(self, device: Device, layout: Layout) -> float:
        """The time of the traffic, without overlap with computation. Gangs fill their machines."""
        gigabytes = device.link if layout.devices <= MACHINE else min(device.link, device.network)
        return self.bytes / (1e9 * gigabytes * LINK_SHARE) + HOP * self.hops


def once_around(size: float, layout: Layout, messages: int = 1) -> Traffic:
    """A gather, or a reduce-scatter, of ``size`` bytes in a ring. A sum over replicas needs both."""
    others = layout.devices - 1
    return Traffic(bytes=size * others / layout.devices, hops=messages * others)


def of_update(parts: Parts, layout: Layout, micro_batches: int) -> Traffic:
    """The traffic of one optimiser step.

    Gradients are summed once. Sharded weights are gathered once, or twice per micro-batch with ``reshard``.
    """
    trained = bytes_of(parts.trained)
    if not layout.sharded:
        return once_around(trained, layout).times(2)
    weights, messages = bytes_of(p for module in parts.modules for p in module.parameters()), _messages(parts)
    gathered, reduced = once_around(weights, layout, messages), once_around(trained, layout, messages)
    if layout.reshard:
        return (gathered.times(2) + reduced).times(micro_batches)
    return gathered + reduced


def of_step(config: RunConfig, parts: Parts, layout: Layout, tokens: float) -> Traffic:
    """The traffic of a step besides its updates.

    All completions are gathered once. Sharded weights are gathered for scoring and for sampling. ``tokens``: the number
    of tokens of all completions.
    """
    found = once_around(TOKEN_BYTES * tokens, layout)
    if not layout.sharded:
        return found
    policy = once_around(bytes_of(parts.policy.model.parameters()), layout, _messages(parts))
    passes = parts.passes
    times = 1 + bool(passes.behaviour or passes.start) + bool(passes.reference and parts.reference)
    return found + policy.times(times + config.optimizer.epochs * bool(passes.current))


def _messages(parts: Parts) -> int:
    """One message for each layer, and one for the weights around them."""
    return len(parts.modules) * (parts.policy.size.layers + 1)
