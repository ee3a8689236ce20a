"""Suites, changes to them, and what a run id and a match key depend on."""

from typing import Any

import pytest

from harness.config.arms import build_objective, run_config
from harness.config.layers import refuse_typos
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite, suite_names
from harness.errors import HarnessError
from harness.launch.machine import settle
from harness.launch.plan import plan
from harness.seeds import ProblemOrder, Purpose, derive_seed
from tests.support.small import small_config


def config(objective: str = "agro", seed: int = 0, **changes: Any) -> RunConfig:
    dotted = [(key.replace("__", "."), value) for key, value in changes.items()]
    return run_config(load_suite("tiny-arithmetic", dotted), objective, seed)


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_makes_runs(name: str) -> None:
    suite, _ = settle(load_suite(name, [("compute.engine", "transformers")]))  # auto would ask the hub
    assert suite.name == name
    assert run_config(suite, suite.baseline, 0).budget == suite.budget


def test_a_run_id_depends_on_every_setting_and_nothing_else() -> None:
    same = {config().run_id, config().run_id}
    others = {
        config(seed=1).run_id,
        config("grpo").run_id,
        config(optimizer__learning_rate=1e-5).run_id,
        config(objectives__agro__fields__beta=0.9).run_id,
        config(compute__threads=2).run_id,
    }
    assert len(same) == 1
    assert len(others | same) == 6


def test_a_config_survives_its_journal() -> None:
    assert RunConfig.model_validate(config().model_dump(mode="json")) == config()


def test_runs_match_when_all_but_objective_its_optimizer_and_seed_agree() -> None:
    ours = config().match_key
    assert ours == config("grpo", seed=3, optimizer__learning_rate=1e-5).match_key
    assert ours != config(rollout__group_size=4).match_key
    assert ours != config(budget={"unit": "completions", "total": 512}).match_key
    assert ours != config(task__options__largest=50).match_key


def test_a_change_of_the_optimizer_reaches_tuned_objectives_too() -> None:
    assert config(optimizer__learning_rate=7e-5).optimizer.learning_rate == 7e-5
    both = {"optimizer__learning_rate": 7e-5, "objectives__agro__optimizer__learning_rate": 8e-5}
    assert config(**both).optimizer.learning_rate == 8e-5
    assert config(**dict(reversed(both.items()))).optimizer.learning_rate == 8e-5
    assert config("grpo", **both).optimizer.learning_rate == 7e-5


def test_agro_and_rloo_have_the_same_settings() -> None:
    """Otherwise the A/A control would compare two values of beta."""
    agro, rloo = config("agro"), config("rloo")
    assert agro.objective.fields["beta"] == rloo.objective.fields["beta"]
    assert agro.optimizer == rloo.optimizer


@pytest.mark.parametrize(
    ("spec", "fields", "sentence"),
    [
        ("grop", {}, "unknown objective 'grop'.*, did you mean 'grpo'"),
        ("AGRO", {}, "did you mean 'agro'"),
        ("xyzzy", {}, "unknown objective 'xyzzy'; the built-in ones are agro, .*my_module:MyObjective$"),
        ("algorithms.agro:Agro", {}, "algorithms.agro has no 'Agro', did you mean 'AGRO'"),
        ("agro", {"bta": 1}, "agro has no field 'bta', did you mean 'beta'"),
        ("dapo", {"beta_kl": 0.1}, "dapo has no field 'beta_kl'; known: clip_low, clip_high$"),
    ],
)
def test_an_unknown_name_is_told_what_may_have_been_meant(spec: str, fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        build_objective(spec, fields, where=spec)


def test_derived_seeds_are_fixed_and_apart() -> None:
    assert derive_seed(0, Purpose.ROLLOUT, 1) == 1554199118406742183
    seeds = {derive_seed(run, purpose, step) for run in range(5) for purpose in Purpose for step in range(50)}
    assert len(seeds) == 5 * len(Purpose) * 50


def test_each_epoch_holds_each_problem_once_in_another_order() -> None:
    order = ProblemOrder(list(range(10)), seed=3)
    epochs = [order.take(10 * k, 10) for k in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert ProblemOrder(list(range(10)), seed=3).take(7, 9) == (epochs[0] + epochs[1])[7:16]


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"optimizer__kind": "adamw_8bit"}, "optimizer.kind=adamw_8bit does not support sharded weights"),
        ({"compute__parallel": "replicate", "compute__reshard": True}, "reshard needs parallel=shard"),
    ],
)
def test_what_does_not_go_in_shards_is_refused_by_name(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        small_config("agro", **{"compute__devices": 2, "compute__parallel": "shard"} | changes)
    assert small_config("agro", **{"optimizer__kind": "adamw_8bit", "compute__parallel": "shard"}), "on one device"


def test_where_a_run_is_computed_does_not_enter_its_id() -> None:
    sharded = small_config("agro", compute__devices=8, compute__parallel="shard", compute__reshard=True)
    assert small_config("agro", compute__checkpoints=False).run_id == small_config("agro").run_id
    assert sharded.run_id == small_config("agro").run_id


@pytest.mark.parametrize(
    "arm",
    [
        {"like": "agro", "fields": {"beta": 0.4}},
        {"objective": "agro", "fields": {"beta": 0.4}, "optimizer": {"optimism": 0.5}},
        {"like": "agro", "fields": {"beta": 0.4}, "robust": {"kind": "chi_square", "radius": 0.5}},
    ],
)
def test_an_arm_can_be_made_on_the_command_line(arm: dict[str, Any]) -> None:
    changes, regimes = [("objectives.mine", arm)], ["on_policy", "stale:16"]
    made = plan("tiny-arithmetic", changes, ["agro", "mine"], [0], regimes)
    mine = [run for run in made.runs if run.objective.name == "mine"]
    assert [(run.objective.objective, run.regime, run.objective.fields["beta"]) for run in mine] == [
        ("agro", regime, 0.4) for regime in regimes
    ]
    assert not any("mine" in line for line in made.choices)  # it replaces nothing
    refuse_typos("tiny-arithmetic", changes, ["mine"], regimes)
    with pytest.raises(HarnessError, match="no objective 'mine2', did you mean 'mine'"):
        plan("tiny-arithmetic", changes, ["mine2"], [0], regimes)
