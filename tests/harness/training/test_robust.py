"""Robust objectives in whole runs. Without a radius nothing changes, and micro-batches use the whole step."""

from pathlib import Path
from typing import Any

import pytest

from harness.config.arms import objective_of
from tests.support.small import run_small, small_config, steps

OWN = ("objective/robust_loss", "objective/robust_square")


def without(step: dict[str, Any]) -> dict[str, Any]:
    """The step without the additional metrics of a robust objective."""
    return step | {"metrics": {name: value for name, value in step["metrics"].items() if name not in OWN}}


@pytest.mark.parametrize("objective", ["grpo", "ppo"])
def test_without_a_radius_the_run_is_the_same_and_costs_the_same(
    objective: str, small_runs: dict[str, Path], tmp_path: Path
) -> None:
    config = small_config(objective, **{f"objectives__{objective}__robust": {"kind": "chi_square", "radius": 0}})
    run_small(config, tmp_path)
    assert [without(step) for step in steps(tmp_path)] == steps(small_runs[objective])


def test_weights_are_of_the_step_however_it_is_packed(tmp_path: Path) -> None:
    robust = {"objectives__grpo__robust": {"kind": "cvar", "radius": 0.6}, "optimizer__warmup_steps": 0}
    brief = {"budget": {"unit": "completions", "total": 48}, "evaluation__shares": []}
    found = []
    for tokens in (64, 8192):
        run_small(small_config("grpo", **robust, **brief, compute__micro_batch_tokens=tokens), tmp_path / str(tokens))
        found.append(steps(tmp_path / str(tokens))[0]["metrics"])
    for name in (*OWN, "train/grad_norm"):
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-4)
    assert found[0]["objective/robust_square"] > 1.1
    assert found[0]["objective/robust_loss"] > 1 - found[0]["train/reward_mean"]


def test_it_is_set_for_one_arm_and_enters_an_id_only_there() -> None:
    robust = {"kind": "kl", "radius": 0.1}
    both = {"objectives__agro__robust": robust, "objectives__agro__constraint": {"quantity": "length", "limit": 12}}
    plain, made = small_config("agro"), small_config("agro", **both)
    assert "robust" not in plain.identity()["objective"]
    assert made.identity()["objective"]["robust"] == robust
    assert small_config("grpo", **both).run_id == small_config("grpo").run_id
    assert len({config.run_id for config in (plain, made, small_config("agro", objectives__agro__robust=robust))}) == 3
    outer: Any = objective_of(made.objective)
    assert (type(outer).__name__, type(outer.inner).__name__, type(outer.inner.inner).__name__) == (
        *("Robust", "Constrained"),
        "AGRO",
    )
