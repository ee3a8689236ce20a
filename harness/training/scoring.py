"""Computing the scores that an objective requires: after sampling, before the first update, and before each update."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from algorithms.ops import k1
from harness.models.critic import Critic
from harness.models.parallel import passes_over, reshards
from harness.models.policy import Policy
from harness.models.sequences import IDLE, Sequences
from harness.rollout.groups import Group, mismatched, sequences_of, with_scores
from harness.seeds import Purpose, derive_seed
from harness.training.exchange import gather_scores
from harness.training.micro_batches import deal, idle, pack
from harness.training.state import RunState


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass of some models over sequences."""

    models: tuple[nn.Module, ...]
    run: Callable[[Sequences], Mapping[str, Tensor]]
    """Maps sequences to tensors [B, T] or [B], by the names of :class:`algorithms.scores.Scores`."""


def score_sampled(run: RunState, groups: Sequence[Group]) -> list[Group]:
    """Add scores of the reference and of the policy that sampled. These do not depend on the time of training."""
    passes: list[Pass] = []
    if names := run.passes.reference:
        passes.append(_named(run, "reference", run.reference, names))
    if names := run.passes.behaviour:
        passes.append(_named(run, "old log-probabilities", run.policy, names))
    return _scored(run, groups, passes)


def score_start(run: RunState, groups: Sequence[Group]) -> list[Group]:
    """Add scores of the moment before the first update on a batch.

    These are scores of policy and critic, scores of mismatched prompts and completions, and random draws.
    """
    passes: list[Pass] = []
    if names := run.passes.start:
        passes.append(_named(run, "old log-probabilities", run.policy, names))
    if run.critic:
        passes.append(_values(run, run.critic))
    groups = _scored(run, groups, passes)
    if names := run.passes.mismatched:
        crossed = _scored(run, mismatched(groups), [_log_ratios(run, names)])
        found = {name: torch.cat([group.scores.given()[name] for group in crossed]) for name in names}
        groups = with_scores(groups, found)
    if names := run.passes.seed:
        seed = derive_seed(run.config.seed, Purpose.DRAWS, run.iteration)
        draws = np.random.default_rng(seed).random(sum(len(g.completions) for g in groups), np.float32)
        groups = with_scores(groups, dict.fromkeys(names, torch.from_numpy(draws)))
    return groups


def score_update(run: RunState, groups: Sequence[Group]) -> list[Group]:
    """Add scores of the policy of the moment before one update, on the completions of that update."""
    names = run.passes.current
    return _scored(run, groups, [_named(run, "current log-probabilities", run.policy, names)] if names else [])


@torch.no_grad()
def _scored(run: RunState, groups: Sequence[Group], passes: Sequence[Pass]) -> list[Group]:
    """The groups, in order, with the scores of ``passes``. Each rank computes its share."""
    if not passes:
        return list(groups)
    dealt = deal(groups, run.world.size)
    mine = [groups[i] for i in dealt[run.world.rank]]
    scored: dict[int, Group] = {}
    names: set[str] = set()
    models = [model for each in passes for model in each.models]
    limit, layout = run.config.compute.micro_batch_tokens, run.policy.layout
    parts = [pack([groups[i] for i in share], limit, layout) for share in dealt]
    with passes_over(*models):
        for indices in parts[run.world.rank]:
            part = [mine[i] for i in indices]
            sequences = sequences_of(part)
            found = {name: tensor for each in passes for name, tensor in each.run(sequences).items()}
            scored |= zip(indices, with_scores(part, found), strict=True)
            names |= found.keys()
        for _ in range(idle(list(map(len, parts)), run.world.rank) if any(map(reshards, models)) else 0):
            for each in passes:
                each.run(IDLE)
    return gather_scores(groups, dealt, [scored[i] for i in range(len(mine))], sorted(names), run.world)


def _named(run: RunState, what: str, policy: Policy, names: Sequence[str]) -> Pass:
    def run_pass(sequences: Sequences) -> Mapping[str, Tensor]:
        with run.span(what):
            return dict.fromkeys(names, policy.logp(sequences))

    return Pass((policy.model,), run_pass)


def _log_ratios(run: RunState, names: Sequence[str]) -> Pass:
    def run_pass(sequences: Sequences) -> Mapping[str, Tensor]:
        with run.span("mismatched pairs"):
            logp, ref_logp = run.policy.logp(sequences), run.reference.logp(sequences)
        return dict.fromkeys(names, k1(logp, ref_logp, sequences.mask.to(logp.device)))

    return Pass((run.policy.model, run.reference.model), run_pass)


def _values(run: RunState, critic: Critic) -> Pass:
    def run_pass(sequences: Sequences) -> Mapping[str, Tensor]:
        with run.span("critic"):
            return {"old_values": critic(sequences)}

    return Pass((critic,), run_pass)
