"""What the devices of one run send each other, in bytes and in seconds."""

from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.studies.planning.device import Device
from harness.studies.planning.layout import Layout
from harness.studies.planning.parts import Parts, bytes_of

MACHINE = 8
"""Devices of a machine; a larger gang also crosses the network."""
LINK_SHARE = 0.7
"""Of a link's bandwidth that gathering and reducing reach."""
HOP = 2e-5
"""Seconds until one device hears from the next: start of the kernel and latency."""
TOKEN_BYTES = 16
"""Of a completion's token as it is gathered: its id, its log-probability and its text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Through one device's link, in each direction."""

    bytes: float = 0.0
    hops: float = 0.0
    """Messages that wait for each other."""

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(bytes=self.bytes + other.bytes, hops=self.hops + other.hops)

    def times(self, count: float) -> "Traffic":
        return Traffic(bytes=count * self.bytes, hops=count * self.hops)

    def seconds(self, device: Device, layout: Layout) -> float:
        """Nothing of it is hidden behind computing. A gang of several machines uses all devices of each."""
        gigabytes = device.link if layout.devices <= MACHINE else min(device.link, device.network)
        return self.bytes / (1e9 * gigabytes * LINK_SHARE) + HOP * self.hops


def once_around(size: float, layout: Layout, messages: int = 1) -> Traffic:
    """A gather, or a reduction to shards, of ``size`` bytes in a ring; a sum over replicas is both."""
    others = layout.devices - 1
    return Traffic(bytes=size * others / layout.devices, hops=messages * others)


def of_update(parts: Parts, layout: Layout, micro_batches: int) -> Traffic:
    """Of one optimiser step: gradients are summed once; weights are gathered once, or twice in each micro-batch."""
    trained = bytes_of(p for module in parts.modules for p in module.parameters() if p.requires_grad)
    if not layout.sharded:
        return once_around(trained, layout).times(2)
    weights, messages = bytes_of(p for module in parts.modules for p in module.parameters()), _messages(parts)
    gathered, reduced = once_around(weights, layout, messages), once_around(trained, layout, messages)
    if layout.reshard:
        return (gathered.times(2) + reduced).times(micro_batches)
    return gathered + reduced


def of_step(config: RunConfig, parts: Parts, layout: Layout, tokens: float) -> Traffic:
    """Besides its updates: all completions are gathered once; shards are, to be scored and to be sampled from.

    ``tokens``: of all completions.
    """
    found = once_around(TOKEN_BYTES * tokens, layout)
    if not layout.sharded:
        return found
    policy = once_around(bytes_of(parts.policy.model.parameters()), layout, _messages(parts))
    passes = parts.passes
    times = 1 + bool(passes.behaviour or passes.start) + bool(passes.reference and parts.reference)
    return found + policy.times(times + config.optimizer.epochs * bool(passes.current))


def _messages(parts: Parts) -> int:
    """One for each layer, and one for what stands around them."""
    return len(parts.modules) * (parts.policy.size.layers + 1)
