"""In a step, ranks send little more than they must: gradients once per update, and tokens with their scores."""

from pathlib import Path

import pytest

from benchmarks.gang import SHORTEST, WARM, Sent, noted, options
from harness.world import HEAD, World
from tests.support.ranks import in_ranks
from tests.support.small import run_small, small_config

OBJECTIVES = ("agro", "grpo")
MESSAGES = 40
"""The largest number of short messages in a step, for clocks, metrics and stopping."""


def traffic(world: World, directory: Path) -> list[list[tuple[Sent, Sent]]]:
    found = []
    for objective in OBJECTIVES:
        config = small_config(
            objective,
            compute__devices=2,
            rollout__prompts=16,
            evaluation__shares=[0, 1],
            budget={"unit": "completions", "total": 128},
        )
        found.append(noted(lambda config=config: run_small(config, directory / config.run_id, world=world)))  # type: ignore[misc]
    return found


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> list[list[list[tuple[Sent, Sent]]]]:
    return in_ranks(2, traffic, tmp_path_factory.mktemp("traffic"))


def test_gradients_are_summed_once_an_update(counted: list[list[list[tuple[Sent, Sent]]]]) -> None:
    for rank in counted:
        for steps in rank:
            for sent, least in steps:
                assert least["gradients"] <= sent["gradients"] < 1.001 * least["gradients"]


def test_tokens_verdicts_and_scores_are_gathered_once(counted: list[list[list[tuple[Sent, Sent]]]]) -> None:
    """Each rank sends its share. Shares are padded to the longest, and each names its length."""
    for rank in counted:
        for steps in rank:
            assert len(steps) == 2
            for sent, least in steps:
                assert sent["objects"] < 1.5 * least["objects"] + MESSAGES * HEAD
                assert sent["objects"] >= least["objects"] / 2


@pytest.mark.parametrize("steps", [-1, 0, 1, WARM, SHORTEST - 1])
def test_the_benchmark_refuses_too_few_steps_at_once(steps: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        options([f"--steps={steps}"])
    assert stopped.value.code == 2
    assert f"error: --steps must be at least {SHORTEST}, because" in capsys.readouterr().err
    assert options([f"--steps={SHORTEST}"]).steps == SHORTEST
