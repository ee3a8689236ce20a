"""The offline set comes from the reference, whatever the policy has become. Then the engine has the policy again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from evaluators.formats import FORMATS, OWN, Asking
from evaluators.grading.grader import Grader
from evaluators.types import Split
from harness.config.run_config import RunConfig
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.records.events import Identity
from harness.rollout import fixed_set as module
from harness.rollout.engines import make_engine
from harness.rollout.engines.engine import RolloutEngine, sample_groups, sampling_of
from harness.rollout.fixed_set import content_of, fixed_set, sample_fixed
from harness.rollout.groups import Completion, Group
from harness.rollout.problems import load_splits
from harness.seeds import ProblemOrder
from harness.world import HEAD, Ranks, World
from tests.support.ranks import in_ranks
from tests.support.small import small_config

ASKING = Asking(form=FORMATS[OWN], chat=False)
KINDS: dict[str, dict[str, Any]] = {
    "all weights": {},
    "all weights, passes in bfloat16": {"model__dtype": "bfloat16"},
    "adapters": {"policy__lora__rank": 4},
    "adapters in bfloat16": {"policy__lora__rank": 4, "model__dtype": "bfloat16"},
}


def move(policy: Policy) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)


def own_sample(config: RunConfig, policy: Policy, engine: RolloutEngine) -> list[Group]:
    problems = load_splits(config)[Split.TEST]
    return sample_groups(engine, policy, problems, 2, sampling_of(config, ASKING), seed=5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_sampled_from_the_reference_even_if_the_policy_has_moved(kind: str) -> None:
    config = small_config("agro", regime="offline", rollout__offline_completions=32, **KINDS[kind])
    policy = load_policy(config.model, config.rollout.temperature, config.policy)
    reference = policy.reference()
    engine = make_engine(policy, config.compute, context=128)
    order = ProblemOrder(load_splits(config)[Split.TRAIN], config.seed)
    with Grader() as grader:
        engine.sync(policy)
        at_start = own_sample(config, policy, engine)  # with log-probabilities, to the last bit
        expected = content_of(sample_fixed(config, ASKING, reference, engine, grader, order))
        move(policy)
        weights = policy.fingerprint()
        assert content_of(sample_fixed(config, ASKING, reference, engine, grader, order)) == expected
    assert own_sample(config, reference, engine) == at_start
    assert policy.fingerprint() == weights
    assert policy.adapted or not any(parameter.requires_grad for parameter in reference.model.parameters())
    engine.sync(policy)
    assert own_sample(config, policy, engine) != at_start


def test_another_grader_makes_a_set_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rewards may differ. The same grader uses the existing set."""
    config = small_config("agro", regime="offline", rollout__offline_completions=32)
    identity = Identity(weights="w", problems={"train": "p"})
    completion = Completion(ids=(1,), logp=(0.0,), text="1", truncated=False)
    problem = load_splits(config)[Split.TRAIN][0]
    made: list[Group] = []

    def make() -> list[Group]:
        made.append(Group(problem=problem, prompt_ids=(1,), completions=(completion,), rewards=(float(len(made)),)))
        return made[-1:]

    first, again = (fixed_set(config, identity, tmp_path, make) for _ in range(2))
    monkeypatch.setattr(module, "versions", lambda: {"grader": "other"})
    other = fixed_set(config, identity, tmp_path, make)
    assert (first.content == again.content) and (first.content != other.content) and len(made) == 2


def test_the_base_of_adapters_is_what_an_engine_elsewhere_is_given() -> None:
    config = small_config("agro", policy__lora__rank=4)
    policy = load_policy(config.model, 1.0, config.policy)
    plain = dict(load_policy(config.model, 1.0).weights())
    move(policy)
    base, merged = dict(policy.reference().weights()), dict(policy.weights())
    assert base.keys() == merged.keys() == plain.keys()
    assert all(torch.equal(base[name], plain[name]) for name in plain)
    assert any(not torch.equal(merged[name], plain[name]) for name in plain)


def waiting(world: World, suite: Path) -> tuple[int, bool]:
    """Rank 0 waits for the set of another process. Returns the words that it says, and whether it holds the folder."""
    assert isinstance(world, Ranks)
    module.WORD_EVERY = 0.1
    turn = threading.Event()

    @contextmanager
    def held_by_another(folder: Path) -> Iterator[None]:
        threading.Timer(1.0, turn.set).start()
        turn.wait()
        yield

    module.SHARED_BY.set(held_by_another)
    before = world.sent["objects"]
    with module._held(suite, world):
        return (world.sent["objects"] - before) // HEAD, turn.is_set()


def test_ranks_wait_with_rank_0_and_hear_of_it(tmp_path: Path) -> None:
    """The wait is longer than the time that ranks wait for a silent rank."""
    (words, held), (heard, _) = in_ranks(2, waiting, tmp_path)
    assert held and 4 <= words == heard
