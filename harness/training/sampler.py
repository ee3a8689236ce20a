"""Rollout batches within the budget: sampled, graded, charged, and scored for the objective."""

from collections.abc import Sequence

from harness.records.ledger import Ledger
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.grading import grade_groups, toss_rewards
from harness.rollout.groups import Group, lengths, mismatched
from harness.rollout.regimes import RolloutBatch
from harness.seeds import Purpose, derive_seed
from harness.training.costs import Sizes, cost_of
from harness.training.scoring import score_sampled
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
        size = self._run.config.rollout.prompts
        batches = [list(waiting[i : i + size]) for i in range(0, len(waiting), size)]
        pending = sum((charge(self._run, RolloutBatch(groups=part, new=len(part))) for part in batches), Ledger())
        steps = len(batches) + 1
        if self._run.ledger.discarded_completions or not self._may_begin(pending, steps):
            return None
        groups = self._graded(prompts, behind=len(waiting), turn=self.iteration + steps)
        cost = charge(self._run, RolloutBatch(groups=[*groups, *again], new=len(groups)))
        if not self._affords(pending + cost):
            self.discard(groups)
            return None
        return self.score(groups)

    def covers(self, batch: RolloutBatch) -> bool:
        return self._may_begin(Ledger(), steps=1) and self._affords(charge(self._run, batch))

    def discard(self, groups: Sequence[Group]) -> None:
        self._run.book(Ledger(discarded_completions=sum(len(group.completions) for group in groups)))

    def score(self, groups: Sequence[Group]) -> list[Group]:
        with self._run.timed("training"):
            return score_sampled(self._run, groups)

    def _graded(self, prompts: int, *, behind: int, turn: int) -> list[Group]:
        """Completions for the ``prompts`` problems ``behind`` those that wait, to be trained on at ``turn``.

        Problems and noise are functions of the seed and the place, the same for every objective.
        """
        run, config = self._run, self._run.config
        size = config.rollout.group_size
        problems = run.order.take(run.ledger.sampled_completions // size + behind, prompts)
        with run.timed("sampling"):
            seed = derive_seed(config.seed, Purpose.ROLLOUT, turn)
            groups = sample_groups(run.engine, run.policy, problems, size, sampling_of(config, run.asking), seed)
        with run.timed("grading"):
            groups = grade_groups(run.grader, groups, config.task.grading, run.asking.form.marker)
        if config.objective.control == "random_reward":
            groups = toss_rewards(groups, derive_seed(config.seed, Purpose.RANDOM_REWARD, turn))
        return groups

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


def charge(run: RunState, batch: RolloutBatch) -> Ledger:
    """What a step on ``batch`` costs, besides time: its new completions' sampling and scoring, and the updates."""
    new = batch.groups[: batch.new]
    sizes = Sizes(policy=run.policy.size, critic=run.critic.size if run.critic else None)
    crossed = lengths(mismatched(batch.groups)) if run.passes.mismatched else None
    cost = cost_of(sizes, run.passes, run.config.optimizer, lengths(new), lengths(batch.groups), crossed)
    count = sum(len(group.completions) for group in new)
    cost += Ledger(sampled_tokens=sum(len(c.ids) for group in new for c in group.completions))
    if run.fixed:
        share = count / run.fixed.completions
        cost += Ledger(shared_completions=count, seconds_sampling=run.fixed.seconds * share)
    return cost
