"""Where completions come from: their age, what is reused, and what is charged, alike for every objective."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from evaluators.types import Problem, Split
from harness.config.regime import RegimeSpec
from harness.rollout.groups import Completion, Group
from harness.rollout.regimes import Offline, Queue, Replay, RolloutBatch
from harness.seeds import ProblemOrder


@dataclass
class Labelled:
    """A sampler whose completions tell at which turn of the loop, and so with which weights, they were sampled."""

    prompts: int = 4
    turns: int = 12
    iteration: int = 0
    seed: int = 0
    sampled: int = 0
    discarded: int = 0

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        if self.iteration + len(waiting) // self.prompts >= self.turns:
            return None
        first, self.sampled = self.sampled, self.sampled + prompts
        return [group(number, self.iteration) for number in range(first, self.sampled)]

    def covers(self, batch: RolloutBatch) -> bool:
        return self.iteration < self.turns

    def discard(self, groups: Sequence[Group]) -> None:
        self.discarded += len(groups)

    def score(self, groups: Sequence[Group]) -> list[Group]:
        return list(groups)


def group(number: int, turn: int) -> Group:
    problem = Problem(id=str(number), prompt="?", answer="1", split=Split.TRAIN)
    return Group(
        problem=problem, prompt_ids=(turn,), completions=(Completion(ids=(1,), logp=(0.0,), text="", truncated=False),)
    )


def batches(regime: Queue | Replay | Offline, sampler: Labelled | None = None) -> list[RolloutBatch]:
    sampler, found = sampler or Labelled(), []
    while batch := regime.next(sampler):
        found.append(batch)
        sampler.iteration += 1
    return found


@pytest.mark.parametrize("lag", [0, 1, 5, 40])
def test_stale_completions_are_exactly_so_old_and_none_is_lost(lag: int) -> None:
    found = batches(Queue(4, lag))
    assert len(found) == 12
    for turn, batch in enumerate(found):
        assert {g.prompt_ids[0] for g in batch.groups} == {max(0, turn - lag)}  # the first come from the start weights
        assert batch.new == len(batch.groups)
    assert [g.problem.id for batch in found for g in batch.groups] == [str(i) for i in range(48)]


@dataclass
class Refusing(Labelled):
    """A sampler that refuses once, and would sample again, as if a budget in seconds had been estimated anew."""

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        return None if self.iteration == 6 else super().sample(prompts, waiting, again)


@pytest.mark.parametrize("lag", [1, 3])
def test_after_a_refusal_no_younger_completions_are_sampled(lag: int) -> None:
    found = batches(Queue(4, lag), Refusing())
    assert len(found) == 6 + lag
    for turn, batch in enumerate(found):
        assert {g.prompt_ids[0] for g in batch.groups} == {max(0, turn - lag)}


def test_waiting_completions_are_discarded_once() -> None:
    """A run that is killed in its last evaluation asks for another batch when it resumes."""
    sampler, regime = Ending(turns=6), Queue(4, 3)
    batches(regime, sampler)
    assert sampler.discarded == 12
    for _ in range(2):
        assert Queue(4, 3, held=regime.held).next(sampler) is None
    assert sampler.discarded == 12


@dataclass
class Ending(Labelled):
    """A sampler whose budget in seconds ends while completions wait."""

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        return None if self.iteration == self.turns else super().sample(prompts)

    def covers(self, batch: RolloutBatch) -> bool:
        return bool(batch.groups) and self.iteration < self.turns


def test_replay_takes_its_share_from_the_newest_groups_before() -> None:
    found = batches(Replay(4, size=6, again=2))
    assert [batch.new for batch in found] == [4] + [2] * 11
    seen: list[str] = []
    for batch in found:
        ids = [g.problem.id for g in batch.groups]
        assert len(ids) == len(set(ids)) == 4
        assert set(ids[batch.new :]) <= set(seen[-6:])
        assert not set(ids[: batch.new]) & set(seen)
        seen += ids[: batch.new]
    ages = {int(seen[-1]) - int(g.problem.id) for g in found[-1].groups[2:]}
    assert all(age < 8 for age in ages)


def test_an_offline_set_is_used_whole_in_each_epoch_and_charged_in_the_first() -> None:
    fixed = [group(number, 0) for number in range(6)]
    found = batches(Offline(4, fixed, ProblemOrder(range(6), seed=0)))
    stream = [g.problem.id for batch in found for g in batch.groups]
    epochs = [stream[i : i + 6] for i in range(0, 48, 6)]
    assert all(sorted(epoch) == sorted(epochs[0]) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1  # each has a new order
    assert [batch.new for batch in found] == [4, 2] + [0] * 10


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("stale:0", "on_policy"),
        ("stale:16", "stale:16"),
        ("replay:2048,.50", "replay:2048,0.5"),
        ("offline", "offline"),
    ],
)
def test_a_regime_has_one_spelling(text: str, canonical: str) -> None:
    assert str(RegimeSpec.parse(text)) == canonical
    assert str(RegimeSpec.parse(canonical)) == canonical


@pytest.mark.parametrize(
    "text", ["", "stale", "stale:-1", "stale:1.5", "replay:0,0.5", "replay:64", "replay:64,1", "x"]
)
def test_a_wrong_regime_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="on_policy, stale:STEPS"):
        RegimeSpec.parse(text)
