"""Rollout batches within the budget: sampled, graded, charged, and scored for the objective."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from harness.models.critic import Critic
from harness.models.sequences import Sequences
from harness.records.ledger import Ledger
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.grading import grade_groups, toss_rewards
from harness.rollout.groups import Group, lengths
from harness.rollout.regimes import RolloutBatch
from harness.seeds import Purpose, derive_seed
from harness.training.costs import Sizes, cost_of
from harness.training.scoring import Pass, know, score
from harness.training.state import RunState


class BudgetedSampler:
    """The :class:`harness.rollout.regimes.Sampler` of a run."""

    def __init__(self, run: RunState) -> None:
        self._run = run

    @property
    def iteration(self) -> int:
        return self._run.iteration

    @property
    def seed(self) -> int:
        return self._run.config.seed

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        run, rollout = self._run, self._run.config.rollout
        batches = [list(waiting[i : i + rollout.prompts]) for i in range(0, len(waiting), rollout.prompts)]
        pending = sum((charge(run, RolloutBatch(groups=part, new=len(part))) for part in batches), Ledger())
        if run.ledger.discarded_completions or not self._may_begin(pending, steps=len(batches) + 1):
            return None
        # Prompts and noise: functions of the seed and the place, the same for every objective.
        first = run.ledger.sampled_completions // rollout.group_size + len(waiting)
        problems = run.order.take(first, prompts)
        place = run.iteration + len(batches) + 1
        with run.timed("sampling"):
            seed = derive_seed(self.seed, Purpose.ROLLOUT, place)
            groups = sample_groups(run.engine, run.policy, problems, rollout.group_size, sampling_of(run.config), seed)
        with run.timed("grading"):
            groups = grade_groups(run.grader, groups, run.config.task.grading)
        if run.config.objective.control == "random_reward":
            groups = toss_rewards(groups, derive_seed(self.seed, Purpose.RANDOM_REWARD, place))
        cost = charge(run, RolloutBatch(groups=[*groups, *again], new=len(groups)))
        if not self._affords(pending + cost):
            self.discard(groups)
            return None
        return self.score(groups)

    def covers(self, batch: RolloutBatch) -> bool:
        return self._may_begin(Ledger(), steps=1) and self._affords(charge(self._run, batch))

    def discard(self, groups: Sequence[Group]) -> None:
        self._run.book(Ledger(discarded_completions=sum(len(group.completions) for group in groups)))

    def score(self, groups: Sequence[Group]) -> list[Group]:
        run, needed = self._run, self._run.passes
        passes: list[Pass] = []
        if needed.reference:
            passes.append(_named(run, "reference", run.reference.logp, needed.reference))
        if needed.behaviour:
            passes.append(_named(run, "old log-probabilities", run.policy.logp, needed.behaviour))
        with run.timed("training"):
            return score(groups, passes, run.config.compute.micro_batch_tokens)

    def _may_begin(self, pending: Ledger, steps: int) -> bool:
        """Whether the budget may cover another step, before its completions are known.

        Seconds are known only afterwards: mean steps are expected.
        """
        run, budget, rollout = self._run, self._run.config.budget, self._run.config.rollout
        least = Ledger(
            completions=rollout.prompts * rollout.group_size,
            optimizer_steps=run.config.optimizer.updates_per_rollout,
        )
        mean = run.ledger.seconds / run.iteration if budget.unit == "seconds" and run.iteration else 0.0
        return (run.ledger + pending + least).spent(budget.unit) + steps * mean <= budget.total

    def _affords(self, cost: Ledger) -> bool:
        budget = self._run.config.budget
        return (self._run.ledger + cost).spent(budget.unit) <= budget.total


def score_start(run: RunState, groups: Sequence[Group]) -> list[Group]:
    """What the objective requires of a batch as the updates on it begin."""
    start, critic = run.passes.start, run.critic
    passes: list[Pass] = [_named(run, "old log-probabilities", run.policy.logp, start)] if start else []
    if critic:
        passes.append(lambda sequences: _values(run, critic, sequences))
    groups = score(groups, passes, run.config.compute.micro_batch_tokens)
    if "draws" in run.objective.requires:
        seed = derive_seed(run.config.seed, Purpose.DRAWS, run.iteration)
        draws = np.random.default_rng(seed).random(sum(len(g.completions) for g in groups), np.float32)
        groups = know(groups, {"draws": torch.from_numpy(draws)})
    return groups


def charge(run: RunState, batch: RolloutBatch) -> Ledger:
    """What a step on ``batch`` costs, besides time: its new completions' sampling and scoring, and the updates."""
    new = batch.groups[: batch.new]
    sizes = Sizes(policy=run.policy.size, critic=run.critic.size if run.critic else None)
    cost = cost_of(sizes, run.passes, run.config.optimizer, lengths(new), lengths(batch.groups))
    count = sum(len(group.completions) for group in new)
    cost += Ledger(sampled_tokens=sum(len(c.ids) for group in new for c in group.completions))
    if run.fixed:
        share = count / run.fixed.completions
        cost += Ledger(shared_completions=count, seconds_sampling=run.fixed.seconds * share)
    return cost


def _values(run: RunState, critic: Critic, sequences: Sequences) -> Mapping[str, Tensor]:
    with run.span("critic"):
        return dict(zip(("old_values", "old_final_value"), critic(sequences), strict=True))


def _named(run: RunState, what: str, logp: Callable[[Sequences], Tensor], names: Sequence[str]) -> Pass:
    def run_pass(sequences: Sequences) -> Mapping[str, Tensor]:
        with run.span(what):
            found = logp(sequences)
        return dict.fromkeys(names, found)

    return run_pass
