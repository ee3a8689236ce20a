"""Sampling of rollout batches within the budget, with grading, costs, and scores for the objective."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from harness.records.ledger import Ledger
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.grading import grade_groups, toss_rewards
from harness.rollout.groups import Group, lengths, mismatched, with_scores
from harness.rollout.regimes import RolloutBatch
from harness.seeds import Purpose, derive_seed
from harness.training.costs import Sizes, cost_of
from harness.training.scoring import score_sampled
from harness.training.state import RunState


class BudgetedSampler:
    """The :class:`harness.rollout.regimes.Sampler` of a run."""

    def __init__(self, run: RunState) -> None:
        self._run = run
        self._once = 0.0
        """Seconds of training that only pass once, for the scores of a fixed set."""

    @property
    def iteration(self) -> int:
        return self._run.iteration

    @property
    def seed(self) -> int:
        return self._run.config.seed

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        size = self._run.config.rollout.prompts
        batches = [list(waiting[i : i + size]) for i in range(0, len(waiting), size)]
        pending = sum((charge(self._run, RolloutBatch(groups=part, new=len(part))) for part in batches), Ledger())
        steps = len(batches) + 1
        expected = self._seconds(steps) + self._seconds_to_sample(len(batches))
        if self._run.ledger.discarded_completions or not self._may_begin(pending, expected, prompts):
            return None
        turn = self.iteration + steps
        groups = self._valued(self._graded(prompts, behind=len(waiting), turn=turn), turn)
        cost = charge(self._run, RolloutBatch(groups=[*groups, *again], new=len(groups)))
        if not self._affords(pending + cost):
            self.discard(groups)
            return None
        return self._scored(groups)

    def covers(self, batch: RolloutBatch) -> bool:
        return self._may_begin(Ledger(), self._seconds(1), batch.new) and self._affords(charge(self._run, batch))

    def discard(self, groups: Sequence[Group]) -> None:
        discarded = sum(len(group.completions) + len(group.reference_tokens) for group in groups)
        self._run.book(Ledger(discarded_completions=discarded))

    def score(self, groups: Sequence[Group]) -> list[Group]:
        run, before = self._run, self._run.progress
        scored = self._scored(self._valued(groups, turn=0))
        self._once = _training(run.ledger) - _training(before.ledger)
        if self.iteration:  # a resumed run has paid for it before
            run.progress = before
        return scored

    def _scored(self, groups: Sequence[Group]) -> list[Group]:
        with self._run.timed("training"):
            return score_sampled(self._run, groups)

    def _graded(self, prompts: int, *, behind: int, turn: int) -> list[Group]:
        """Graded completions for the next ``prompts`` problems, after the ``behind`` waiting ones, for step ``turn``.

        Problems and random numbers only depend on the seed and the position, so they are the same for all objectives.
        """
        run, config = self._run, self._run.config
        size = config.rollout.group_size
        problems = run.order.take(run.ledger.sampled_completions // size + behind, prompts)
        with run.timed("sampling"):
            seed = derive_seed(config.seed, Purpose.ROLLOUT, turn)
            groups = sample_groups(
                run.engine, run.policy, problems, size, sampling_of(config, run.asking), seed, run.world
            )
        return self._rewarded(groups, derive_seed(config.seed, Purpose.RANDOM_REWARD, turn))

    def _valued(self, groups: Sequence[Group], turn: int) -> list[Group]:
        """The groups with rewards of additional reference completions, if the objective requires them."""
        run, config = self._run, self._run.config
        if not run.passes.samples:
            return list(groups)
        count, seed = config.rollout.reference_samples, derive_seed(config.seed, Purpose.REFERENCE_SAMPLES, turn)
        problems, sampling = [group.problem for group in groups], sampling_of(config, run.asking)
        with run.timed("sync"):
            run.engine.sync(run.reference)
        with run.timed("sampling"):
            sampled = sample_groups(run.engine, run.reference, problems, count, sampling, seed, run.world)
        with run.timed("sync"):
            run.engine.sync(run.policy)
        valued = []
        for group, other in zip(groups, self._rewarded(sampled, seed), strict=True):
            rewards = torch.tensor(other.rewards).expand(len(group.completions), count)
            (group,) = with_scores([group], dict.fromkeys(run.passes.samples, rewards))
            valued.append(replace(group, reference_tokens=tuple(len(c.ids) for c in other.completions)))
        return valued

    def _rewarded(self, groups: Sequence[Group], toss: int) -> list[Group]:
        """Graded groups. ``toss``: the seed of random rewards, which the control uses instead."""
        run, task = self._run, self._run.config.task
        with run.timed("grading"):
            graded = grade_groups(run.grader, groups, task.grading, run.asking.form.marker, run.world)
        return toss_rewards(graded, toss) if run.config.objective.control == "random_reward" else graded

    def _may_begin(self, pending: Ledger, seconds: float, new: int) -> bool:
        """Whether the budget may cover another step with ``new`` new prompts, before its completions are known.

        ``seconds``: the expected time, for a budget in seconds.
        """
        run, budget, rollout = self._run, self._run.config.budget, self._run.config.rollout
        samples = run.passes.samples
        least = Ledger(
            completions=rollout.prompts * rollout.group_size + (new * rollout.reference_samples if samples else 0),
            optimizer_steps=run.config.optimizer.updates_per_rollout,
        )
        expected = seconds if budget.unit == "seconds" else 0.0
        return (run.ledger + pending + least).spent(budget.unit) + expected <= budget.total

    def _seconds(self, steps: int) -> float:
        """The expected seconds of steps on completions that are there, by the mean of those so far; 0 before them."""
        return steps * (_training(self._run.ledger) - self._once) / self.iteration if self.iteration else 0.0

    def _seconds_to_sample(self, waiting: int) -> float:
        """The expected seconds of sampling a batch, by the mean of those so far, of which some are ``waiting``."""
        ledger = self._run.ledger
        return (ledger.seconds_sampling + ledger.seconds_grading) / max(1, self.iteration + waiting)

    def _affords(self, cost: Ledger) -> bool:
        budget = self._run.config.budget
        return (self._run.ledger + cost).spent(budget.unit) <= budget.total


def _training(ledger: Ledger) -> float:
    """Seconds that count towards a budget, without those of sampling and grading."""
    return ledger.seconds - ledger.seconds_sampling - ledger.seconds_grading


def charge(run: RunState, batch: RolloutBatch) -> Ledger:
    """The cost of a step on ``batch`` without time: sampling and scoring of new completions, and the updates."""
    new = batch.groups[: batch.new]
    sizes = Sizes(policy=run.policy.size, critic=run.critic.size if run.critic else None)
    crossed = lengths(mismatched(batch.groups)) if run.passes.mismatched else None
    samples = [len(group.prompt_ids) + tokens for group in new for tokens in group.reference_tokens]
    cost = cost_of(sizes, run.passes, run.config.optimizer, lengths(new), lengths(batch.groups), crossed, samples)
    count = sum(len(group.completions) for group in new)
    sampled = sum(sum(len(c.ids) for c in group.completions) + sum(group.reference_tokens) for group in new)
    cost += Ledger(sampled_tokens=sampled)
    if run.fixed:
        share = count / run.fixed.completions
        cost += Ledger(shared_completions=count, seconds_sampling=run.fixed.seconds * share)
    return cost
