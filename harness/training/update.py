"""The optimiser steps on one rollout batch."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from algorithms.checks import present
from algorithms.ops import (
    icepop_weights,
    sequence_mask_weights,
    truncated_importance,
    weigh_gradient,
)
from algorithms.step import step_totals, wants_totals
from algorithms.types import Batch, Denominators, HasState, PolicyOutput
from harness.config.optimizer import OptimizerSettings
from harness.errors import HarnessError
from harness.models.parallel import accumulating, reshards, units_of, whole
from harness.models.sequences import IDLE
from harness.records.engine_gap import unexplained
from harness.rollout.groups import Group
from harness.seeds import Purpose, derive_seed
from harness.training.measures import Metrics, Tally, measures
from harness.training.micro_batches import MicroBatch, deal, denominators, idle, micro_batches, pack
from harness.training.optimism import extrapolate, remember
from harness.training.scoring import score_update
from harness.training.state import RunState
from harness.world import World


class Diverged(Exception):
    """A gradient is not finite. The run has failed, and leaderboards count it as failed."""


def update(run: RunState, groups: Sequence[Group]) -> Metrics:
    """Make all updates on a rollout batch. A metric is the mean over updates, or the maximum if its name ends in
    ``_max``.

    Raises:
        HarnessError: the completions were not sampled from the policy that is trained.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for index, part in enumerate(_minibatches(run, groups), 1):
        counts = denominators(part, run.config.rollout.max_tokens)
        part = score_update(run, part)
        dealt = [[part[i] for i in indices] for indices in deal(part, run.world.size)]
        with accumulating(*run.modules.values()):
            metrics = _backward(run, dealt, counts, first=index == 1)
        if why := unexplained(run.config, metrics):
            raise HarnessError(f"{run.directory}: {why}; the run stops before training on this; use another engine")
        with run.span("gradients") if run.world.size > 1 else nullcontext():
            run.world.add_up(p for each in run.modules.values() if not units_of(each) for p in each.parameters())
        with run.span("optimiser"):
            metrics |= _step(run, run.ledger.optimizer_steps + index)
        for name, value in metrics.items():
            found[name].append(value)
    return {name: max(of) if name.endswith("_max") else sum(of) / len(of) for name, of in found.items()}


def _minibatches(run: RunState, groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups of each update. Groups are not split, and each occurs once per epoch, in a new order each time."""
    parts, epochs = run.config.optimizer.minibatches, run.config.optimizer.epochs
    for epoch in range(epochs):
        if parts == 1:
            yield list(groups)
            continue
        seed = derive_seed(run.config.seed, Purpose.MINIBATCH, run.iteration * epochs + epoch)
        order = np.random.default_rng(seed).permutation(len(groups))
        yield from ([groups[i] for i in sorted(indices)] for indices in np.array_split(order, parts))


def _backward(run: RunState, dealt: Sequence[Sequence[Group]], counts: Denominators, *, first: bool) -> Metrics:
    """Accumulate this rank's part of the gradient of one update over its micro-batches. Returns the summed metrics.

    ``dealt``: the groups of each rank.
    """
    parts = _parts(run, dealt[run.world.rank])
    batches = [_batch(run, part, counts) for part in parts]
    totals = _totals(run, dealt, batches, counts)
    fresh = first and run.regime.fresh
    tally = Tally()
    for part, batch in zip(parts, batches, strict=True):
        values = _values(run, part)
        with run.span("forward"):
            logp, engine_logp = run.policy.logp(part.sequences), part.engine_logp.to(run.policy.device)
        own: dict[str, Any] = dict.fromkeys(run.passes.training, logp.detach())
        seen = replace(batch, totals=totals, **own)
        weight = _correction(run.config.optimizer, seen, engine_logp)
        weighed = logp if weight is None else weigh_gradient(logp, weight)
        output = PolicyOutput(logp=weighed, values=values)
        result = run.objective.loss(output, seen)
        with run.span("backward"):
            result.loss.backward()  # type: ignore[no-untyped-call]
        tally.add({"train/loss": result.loss})
        tally.add(measures(logp.detach(), seen, engine_logp, fresh=fresh))
        if weight is not None and run.config.optimizer.importance_cap is None:
            tally.add({"engine/dropped": ((weight == 0) & seen.mask).sum().double() / counts.tokens})
        tally.add({f"objective/{name}": metric for name, metric in result.metrics.items()})
    _keep_company(run, dealt)
    if isinstance(run.objective, HasState):
        scalars = {name: float(total) for name, total in totals.items() if total.dim() == 0}
        after = run.world.first(dict(run.objective.carry(run.progress.state, scalars)))
        run.progress = replace(run.progress, state=after)
    return _over_ranks(run.world, tally.read())


def _parts(run: RunState, groups: Sequence[Group]) -> list[MicroBatch]:
    return micro_batches(groups, run.config.compute.micro_batch_tokens, run.policy.layout)


def _batch(run: RunState, part: MicroBatch, counts: Denominators) -> Batch:
    return part.batch(counts, run.policy.device, run.progress.state)


def _totals(
    run: RunState, dealt: Sequence[Sequence[Group]], mine: Sequence[Batch], counts: Denominators
) -> Mapping[str, Tensor]:
    """The objective's totals over the whole step, of the groups of all ranks. ``mine``: this rank's own batches."""
    if not wants_totals(run.objective):
        return {}
    batches: list[Batch] = []
    for rank, share in enumerate(dealt):
        if rank == run.world.rank:
            batches += mine
        else:
            batches += [_batch(run, part, counts) for part in _parts(run, share)]
    return step_totals(run.objective, batches)


def _keep_company(run: RunState, dealt: Sequence[Sequence[Group]]) -> None:
    """Make idle passes if all ranks must make as many passes as the rank with the most micro-batches."""
    if reshards(run.policy.model):
        passes = [len(pack(share, run.config.compute.micro_batch_tokens, run.policy.layout)) for share in dealt]
        for _ in range(idle(passes, run.world.rank)):
            values = run.critic(IDLE).sum() if run.critic else 0.0
            ((run.policy.logp(IDLE).sum() + values) * 0).backward()  # type: ignore[no-untyped-call]


def _over_ranks(world: World, sums: Metrics) -> Metrics:
    """The metrics of all ranks together."""
    found = world.sum({name: value for name, value in sums.items() if not name.endswith("_max")})
    found |= world.max({name: value for name, value in sums.items() if name.endswith("_max")})
    return {name: found[name] for name in (*sums, *found)}


def _values(run: RunState, part: MicroBatch) -> Tensor | None:
    if run.critic is None:
        return None
    with run.span("critic"):
        values: Tensor = run.critic(part.sequences)
    return values


def _correction(settings: OptimizerSettings, batch: Batch, engine_logp: Tensor) -> Tensor | None:
    """Weights of the gradient, [B, T] or [B, 1], that correct for differences of the engine. None if not requested."""
    match settings:
        case OptimizerSettings(importance_cap=float(cap)):
            return truncated_importance(present("old_logp", batch.old_logp), engine_logp, cap)
        case OptimizerSettings(icepop=(low, high)):
            return icepop_weights(present("old_logp", batch.old_logp), engine_logp, low, high)
        case OptimizerSettings(sequence_mask=(low, high)):
            return sequence_mask_weights(present("old_logp", batch.old_logp), engine_logp, batch.mask, low, high)
    return None


def _step(run: RunState, number: int) -> Metrics:
    """Make optimiser step ``number`` of the run. The warm-up is linear."""
    settings = run.config.optimizer
    warm = min(1.0, number / max(1, settings.warmup_steps))
    metrics = {"train/learning_rate": settings.learning_rate * warm}
    plain = extrapolate(run.optimizer, settings.optimism) if settings.optimism else {}
    for name, module in run.modules.items():
        norm = float(whole(torch.nn.utils.clip_grad_norm_(module.parameters(), settings.max_grad_norm)))
        if not math.isfinite(norm):
            raise Diverged(f"the {name}'s gradient of step {number} is not finite")
        metrics["train/grad_norm" if name == "policy" else f"{name}/grad_norm"] = norm
    for group in run.optimizer.param_groups:
        group["lr"] = group["peak"] * warm
    run.optimizer.step()
    remember(run.optimizer, plain)
    run.optimizer.zero_grad()  # here instead of before the next step, so that sampling can use the memory
    return metrics
