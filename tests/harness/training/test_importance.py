"""Importance weights in whole runs: an engine that is off by a known factor is made up for, in every regime."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.rollout.engines.engine import Sampling
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.rollout.groups import Completion
from tests.support.small import run_small, small_config, steps

CASES = [("agro", "on_policy"), ("ppo", "on_policy"), ("agro", "stale:2"), ("agro", "offline")]
"""PPO wants sums over the step before its losses, so it has its log-probabilities from another pass."""
SMALLER, LARGER = 1.5, 1 / 3
"""What the engine says a token's probability is, over what it is."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The engine draws as ever, and reports probabilities that are ``told["factor"]`` times what they are.

    So far off no run would go on: the alarms are silenced.
    """
    monkeypatch.setattr("harness.training.update.unexplained", lambda config, metrics: None)
    monkeypatch.setattr("harness.rollout.engines.try_out", lambda engine, policy, *_: engine.sync(policy))
    factor = {"factor": 1.0}
    whole = TransformersEngine.generate

    def generate(
        engine: TransformersEngine, prompts: list[tuple[int, ...]], n: int, sampling: Sampling, seed: int
    ) -> list[tuple[Completion, ...]]:
        shift = math.log(factor["factor"])
        groups = whole(engine, prompts, n, sampling, seed)
        return [tuple(replace(c, logp=tuple(x + shift for x in c.logp)) for c in group) for group in groups]

    monkeypatch.setattr(TransformersEngine, "generate", generate)
    return factor


@pytest.mark.parametrize(("objective", "regime"), CASES)
def test_the_first_gradient_is_scaled_by_the_truncated_ratio(
    objective: str, regime: str, told: dict[str, float], tmp_path: Path
) -> None:
    def first_norm(cap: float | None, factor: float) -> float:
        told["factor"] = factor
        config = small_config(
            objective,
            regime=regime,
            budget={"unit": "completions", "total": 16},
            rollout__offline_completions=16,
            optimizer__importance_cap=cap,
            optimizer__updates_per_rollout=1,
            optimizer__minibatches=1,
        )
        folder = tmp_path / f"{cap}-{factor}" / "runs" / "run"
        assert run_small(config, folder) == "finished"
        return float(steps(folder)[0]["metrics"]["train/grad_norm"])

    plain = first_norm(None, SMALLER)
    assert first_norm(2.0, 1.0) == pytest.approx(plain, rel=1e-3)
    assert first_norm(2.0, SMALLER) == pytest.approx(plain / SMALLER, rel=1e-3)
    assert first_norm(2.0, LARGER) == pytest.approx(plain * 2.0, rel=1e-3)  # 3, cut off
