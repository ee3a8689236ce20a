"""The tables of trials: which trial is chosen, and which choices have a warning."""

import json
from pathlib import Path

from harness.config.suites import load_suite
from harness.studies.tuning.tables import TABLE, Scored, Tuning, as_json, write
from harness.studies.tuning.trials import Trial


def scored(arm: str, regime: str, beta: float, accuracy: float | None, rate: float = 1e-4) -> Scored:
    settings = {"optimizer.learning_rate": rate, "fields.beta": beta}
    return Scored(trial=Trial(arm=arm, regime=regime, settings=settings, runs=[]), accuracy=accuracy)


def test_the_best_trial_of_each_arm_and_regime_is_taken_and_a_failed_one_never() -> None:
    trials = [
        scored("agro", "on_policy", 0.1, 0.5),
        scored("agro", "on_policy", 0.2, 0.7),
        scored("agro", "on_policy", 0.3, None),
        scored("dpo", "on_policy", 0.4, None),
        scored("agro", "offline", 0.5, 0.6),
        scored("agro", "offline", 0.6, 0.6),
    ]
    chosen = Tuning(suite=load_suite("tiny-arithmetic"), command="", scored=trials).chosen()["objectives"]
    assert set(chosen) == {"agro"}
    assert {name: one["fields"]["beta"] for name, one in chosen["agro"]["regimes"].items()} == {
        "on_policy": 0.2,
        "offline": 0.5,
    }


def test_a_choice_that_other_trials_could_change_has_a_warning(tmp_path: Path) -> None:
    trials = [
        scored("inside", "offline", 0.1, 0.5, rate=1e-5),
        scored("inside", "offline", 0.2, 0.7, rate=2e-5),
        scored("inside", "offline", 0.3, 0.6, rate=3e-5),
        scored("low", "offline", 0.2, 0.7, rate=3e-5),
        scored("low", "offline", 0.1, None, rate=2e-5),  # nobody knows whether it would be better
        scored("low", "offline", 0.3, 0.6, rate=4e-5),
        scored("high", "on_policy", 0.2, 0.6, rate=1e-5),
        scored("high", "on_policy", 0.3, 0.7, rate=2e-5),
        scored("high", "on_policy", 0.1, 0.6, rate=3e-5),
        scored("tied", "offline", 0.1, 0.0),
        scored("tied", "offline", 0.2, 0.0),
        scored("single", "offline", 0.2, 0.7),
        scored("constant", "offline", 0.2, 0.7, rate=2e-5),
        scored("constant", "offline", 0.2, 0.6, rate=1e-5),
        scored("constant", "offline", 0.2, 0.6, rate=3e-5),
        scored("none", "offline", 0.2, None),
    ]
    tuning = Tuning(suite=load_suite("tiny-arithmetic"), command="harness tune", scored=trials)
    expected = [
        "low, offline: the best trial has the smallest optimizer.learning_rate of all finished trials (3e-05); the "
        "best value may be smaller",
        "low, offline: the best trial has the smallest fields.beta of all finished trials (0.2); the best value may be "
        "smaller",
        "high, on_policy: the best trial has the largest fields.beta of all finished trials (0.3); the best value may "
        "be larger",
        "tied, offline: all trials have the same accuracy, so the chosen settings are arbitrary",
    ]
    assert tuning.warnings() == expected
    assert json.loads(as_json(tuning))["warnings"] == expected
    write(tuning, tmp_path)
    assert [line for line in (tmp_path / TABLE).read_text().splitlines() if "Warning" in line] == [
        f"**Warning:** {sentence}" for sentence in expected
    ]
