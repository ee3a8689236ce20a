"""Importance weights in whole runs. They correct an engine that is wrong by a known factor, in every regime."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.optimizer import CORRECTIONS
from harness.errors import HarnessError
from harness.rollout.engines.engine import Sampling
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.rollout.groups import Completion
from tests.support.small import run_small, small_config, steps

CASES = [("agro", "on_policy"), ("ppo", "on_policy"), ("agro", "stale:2"), ("agro", "offline")]
"""PPO needs sums over the step before its losses, so its log-probabilities come from another pass."""
SMALLER, LARGER = 1.5, 1 / 3
"""The ratio of the probability that the engine reports to the real one."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The engine samples as usual, and reports ``told["factor"]`` times the real probabilities.

    No run would go on with such a difference, so the alarms are off.
    """
    monkeypatch.setattr("harness.training.update.unexplained", lambda config, metrics: None)
    monkeypatch.setattr("harness.rollout.engines.try_out", lambda engine, policy, *_: engine.sync(policy))
    factor = {"factor": 1.0}
    whole = TransformersEngine.generate

    def generate(
        engine: TransformersEngine,
        prompts: list[tuple[int, ...]],
        n: int,
        sampling: Sampling,
        seed: int,
        first: int = 0,
    ) -> list[tuple[Completion, ...]]:
        shift = math.log(factor["factor"])
        groups = whole(engine, prompts, n, sampling, seed, first)
        return [tuple(replace(c, logp=tuple(x + shift for x in c.logp)) for c in group) for group in groups]

    monkeypatch.setattr(TransformersEngine, "generate", generate)
    return factor


def first_step(objective: str, regime: str, folder: Path, **correction: Any) -> dict[str, float]:
    """The metrics of the first step."""
    config = small_config(
        objective,
        regime=regime,
        budget={"unit": "completions", "total": 16},
        rollout__offline_completions=16,
        optimizer__updates_per_rollout=1,
        optimizer__minibatches=1,
        **correction,
    )
    assert run_small(config, folder / "runs" / "run") == "finished"
    metrics: dict[str, float] = steps(folder / "runs" / "run")[0]["metrics"]
    return metrics


@pytest.mark.parametrize(("objective", "regime"), CASES)
def test_the_first_gradient_is_scaled_by_the_truncated_ratio(
    objective: str, regime: str, told: dict[str, float], tmp_path: Path
) -> None:
    def first_norm(cap: float | None, factor: float) -> float:
        told["factor"] = factor
        folder = tmp_path / f"{cap}-{factor}"
        return first_step(objective, regime, folder, optimizer__importance_cap=cap)["train/grad_norm"]

    plain = first_norm(None, SMALLER)
    assert first_norm(2.0, 1.0) == pytest.approx(plain, rel=1e-3)
    assert first_norm(2.0, SMALLER) == pytest.approx(plain / SMALLER, rel=1e-3)
    assert first_norm(2.0, LARGER) == pytest.approx(plain * 2.0, rel=1e-3)  # 3, limited to 2


@pytest.mark.parametrize("regime", ["on_policy", "stale:2"])
def test_other_corrections_scale_it_or_drop_it(regime: str, told: dict[str, float], tmp_path: Path) -> None:
    told["factor"] = SMALLER
    plain = first_step("agro", regime, tmp_path / "plain")
    assert "engine/dropped" not in plain
    for name, ends, scale in (
        ("icepop", (0.5, 2.0), 1 / SMALLER),
        ("icepop", (0.8, 1.25), 0.0),  # the ratio is 2/3
        ("sequence_mask", (0.5, 2.0), 1.0),
        ("sequence_mask", (0.8, 1.25), 0.0),
    ):
        found = first_step("agro", regime, tmp_path / f"{name}-{ends[0]}", **{f"optimizer__{name}": ends})
        assert found["train/grad_norm"] == pytest.approx(plain["train/grad_norm"] * scale, rel=1e-3)
        assert found["engine/dropped"] == pytest.approx(0.0 if scale else 1.0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"importance_cap": 2.0, "icepop": [0.5, 2.0]}, "importance_cap and icepop are both set, but only one"),
        ({"icepop": [0.5, 5.0], "sequence_mask": [0.9, 1.1]}, "icepop and sequence_mask are both set"),
        ({"icepop": [2.0, 0.5]}, "from the smaller to the larger number, not from 2 to 0.5"),
        ({"sequence_mask": [1.0, 1.0]}, "from the smaller to the larger number"),
        ({"icepop": [0.0, 5.0]}, "greater than 0"),
    ],
)
def test_what_cannot_be_one_correction_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        small_config(**{f"optimizer__{name}": value for name, value in changes.items()})


def test_runs_of_different_corrections_are_not_matched_and_older_keys_stay() -> None:
    plain, capped, popped = (
        small_config(**{f"optimizer__{name}": value for name, value in changes.items()})
        for changes in ({}, {"importance_cap": 2.0}, {"icepop": [0.5, 5.0]})
    )
    assert len({plain.match_key, capped.match_key, popped.match_key}) == 3
    assert plain.matched.keys() & {"kind", *CORRECTIONS} == {"kind", "importance_cap"}
