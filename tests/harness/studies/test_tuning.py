"""``harness tune``: the same number of trials on validation problems, and a suite that takes the settings they find."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from harness.config.arms import run_config
from harness.config.run_config import SuiteConfig
from harness.config.suites import SUITES, load_suite
from harness.errors import HarnessError
from harness.launch.plan import suites_of
from harness.records.out_dir import OutDir
from harness.studies.tuning.tables import CHOSEN, TABLE
from harness.studies.tuning.trials import Trial, points, score, trials_of
from tests.support.command_line import SETTINGS, harness
from tests.support.results import judge
from tests.support.small import journal_of

SPACE = {"optimizer.learning_rate": (1e-5, 1e-3), "fields.beta": (0.01, 1.0)}


def suite(**changes: Any) -> SuiteConfig:
    return load_suite("tiny-arithmetic", [(key.replace("__", "."), value) for key, value in changes.items()])


def test_points_fill_the_ranges_evenly_on_a_logarithmic_scale() -> None:
    found = points(SPACE, 16)
    for name, (low, high) in SPACE.items():
        places = np.log([point[name] / low for point in found]) / np.log(high / low)
        assert places.min() >= 0
        assert places.max() <= 1
        assert max(np.histogram(places, 4, (0, 1))[0]) <= 5  # of 16


def test_more_trials_keep_the_first_ones() -> None:
    """So eight trials can become sixteen at the price of eight."""
    assert points(SPACE, 16)[:8] == points(SPACE, 8)


def test_every_objective_is_tried_at_the_same_points() -> None:
    """Whatever the name and the range of its strength are."""
    ranges = {"optimizer.learning_rate": [1e-5, 1e-3], "fields.beta": [0.02, 1.0], "fields.beta_kl": [0.004, 0.2]}
    places = []
    for arm, names in (("agro", ["optimizer.learning_rate", "fields.beta"]), ("grpo", [*ranges][::2])):
        trials = trials_of(suite(tuning__space=ranges), arm, 6)
        assert all(list(trial.settings) == names for trial in trials)
        places.append([[np.log(t.settings[name] / ranges[name][0]) for name in names] for t in trials])
    assert np.allclose(*places, atol=0.1)  # equally wide ranges, and values with two digits
    (rate,) = {name for trial in trials_of(suite(), "dapo", 2) for name in trial.settings}
    assert rate == "optimizer.learning_rate"


def test_an_arms_own_ranges_are_searched_beside_the_suites_and_by_those_that_are_like_it() -> None:
    ours = {
        "objectives__mine": {"like": "agro_tapered"},
        "objectives__agro_tapered__space": {"fields.delta": [0.1, 0.3]},
    }
    arms = {arm: trials_of(suite(**ours), arm, 4) for arm in ("agro_tapered", "mine", "agro", "reinforce")}
    for arm in ("agro_tapered", "mine"):
        assert all(0.1 <= trial.settings["fields.delta"] <= 0.3 for trial in arms[arm])
    for ours_at, theirs_at in zip(arms["mine"], arms["agro"], strict=True):
        assert {key: ours_at.settings[key] for key in theirs_at.settings} == theirs_at.settings  # the same points
    assert "fields.delta" not in arms["reinforce"][0].settings  # although it has this field


def test_an_arms_own_range_of_a_field_that_it_has_not_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"objectives.agro.space.fields.dleta is not a field of agro"):
        trials_of(suite(objectives__agro__space={"fields.dleta": [0.1, 0.3]}), "agro", 1)


def test_a_trial_trains_its_point_and_keeps_what_is_not_searched() -> None:
    for trial in trials_of(suite(regime="offline"), "ppo", 4):
        (config,) = trial.runs
        assert config.optimizer.learning_rate == trial.settings["optimizer.learning_rate"]
        assert config.objective.fields["beta"] == trial.settings["fields.beta"]
        assert (config.optimizer.updates_per_rollout, config.seed, config.regime) == (4, 1000, "offline")


def test_a_trial_sees_next_to_nothing_of_the_test_split_and_is_no_run_of_the_suite() -> None:
    (trial,) = trials_of(suite(), "agro", 1)
    (config,) = trial.runs
    assert (config.evaluation.test_problems, config.evaluation.validation_problems) == (1, 512)
    assert config.suite == "tiny-arithmetic-tuning"


def test_a_trials_score_is_the_mean_of_its_late_accuracies_over_points_and_seeds(store: OutDir, tmp_path: Path) -> None:
    records = journal_of(next(store.runs("tiny-arithmetic")))
    trial = Trial(arm="agro", regime="on_policy", settings={}, runs=[])

    def directory(*accuracies: float, status: str = "finished") -> Path:
        """A run with these validation accuracies. The first one is from before the training."""
        left = list(accuracies)
        folder = tmp_path / "-".join(map(str, (*accuracies, status)))
        folder.mkdir()
        with (folder / "journal.jsonl").open("w") as journal:
            for record in records:
                known = record
                if record.get("split") == "validation":
                    if not left:
                        continue
                    known = dict(record)
                    letters = "c" * round(10 * left.pop(0))
                    judge(known, {str(problem): letters.ljust(10, "w")[2 * problem :][:2] for problem in range(5)})
                if record["event"] == "start":
                    known = record | {"sizes": record["sizes"] | {"validation": 5}}
                if record["event"] == "end":
                    known = record | {"status": status}
                journal.write(json.dumps(known) + "\n")
        assert not left
        return folder

    assert score(trial, [directory(0.1, 0.5, 0.7)]) == pytest.approx(0.6)
    assert score(trial, [directory(0.2, 0.8)]) == 0.8  # one late evaluation; the start is never among them
    assert score(trial, [directory(0.3)]) == 0.3  # never updated
    assert score(trial, [directory(0, 0.4, 0.6), directory(0, 0.8, 1.0)]) == pytest.approx(0.7)
    assert score(trial, [directory(0, 0.9, 0.9), directory(0, 0, 0, status="failed")]) is None


def test_a_trial_is_judged_late() -> None:
    (trial,) = trials_of(suite(), "agro", 1)
    (config,) = trial.runs
    assert config.evaluation.shares == (0.0, 0.9, 1.0)
    assert config.budget == suite().budget


def test_points_that_are_the_same_when_rounded_are_tried_once() -> None:
    found = [point["optimizer.learning_rate"] for point in points({"optimizer.learning_rate": (1e-4, 6e-4)}, 40)]
    assert len(set(found)) == 40
    with pytest.raises(HarnessError, match=r"contain \d points with 2 digits, not 40; use wider"):
        points({"optimizer.learning_rate": (1e-4, 1.05e-4)}, 40)


@pytest.mark.parametrize("name", ["tiny-arithmetic", "tiny-gcd"])
def test_a_suite_trains_with_the_settings_that_its_trials_chose(name: str, committed: Path) -> None:
    tuned = committed / "results" / f"{name}-tuning" / CHOSEN
    for arm, settings in yaml.safe_load(tuned.read_text())["objectives"].items():
        for regime, chosen in settings["regimes"].items():
            config = run_config(load_suite(name, [("regime", regime)]), arm, 0)
            assert chosen["optimizer"].items() <= config.optimizer.model_dump().items(), (arm, regime)
            assert chosen["fields"].items() <= config.objective.fields.items(), (arm, regime)


def test_a_suite_may_set_an_arm_otherwise_in_a_regime() -> None:
    own = {"fields": {"beta": 0.1}, "regimes": {"stale:16": {"fields": {"beta": 0.7}}}}
    like = {"like": "agro", "fields": {"form": "on_policy"}}

    def beta(arm: str, regime: str, **changes: Any) -> Any:
        arms = {"objectives.agro": own, "objectives.twin": like, "regime": regime} | changes
        return run_config(load_suite("tiny-arithmetic", list(arms.items())), arm, 0).objective.fields["beta"]

    for arm in ("agro", "twin"):
        assert [beta(arm, regime) for regime in ("on_policy", "stale:16", "offline")] == [0.1, 0.7, 0.1]
    typed = {"objectives.agro.fields.beta": 0.3}
    assert beta("agro", "stale:16", **typed) == 0.3  # a typed setting holds in every regime
    assert beta("twin", "stale:16", **{"objectives.twin.fields.beta": 0.4}) == 0.4
    assert run_config(suite(objectives__twin=like), "twin", 0).objective.objective == "agro"


def test_a_typed_learning_rate_reaches_every_regime(tmp_path: Path) -> None:
    raw = yaml.safe_load((SUITES / "tiny-arithmetic.yaml").read_text())
    raw["objectives"]["agro"]["regimes"] = {"offline": {"optimizer": {"learning_rate": 1e-2}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(raw))

    def rate(*changes: tuple[str, Any]) -> float:
        loaded = load_suite(str(tmp_path / "own.yaml"), [("regime", "offline"), *changes])
        return run_config(loaded, "agro", 0).optimizer.learning_rate

    assert rate() == 1e-2
    assert rate(("optimizer.learning_rate", 5e-5)) == 5e-5
    assert rate(("objectives.agro.optimizer.learning_rate", 6e-5)) == 6e-5
    assert rate(("objectives.agro.optimizer", {"learning_rate": 7e-5})) == 7e-5


def test_what_a_typed_setting_replaces_is_said_arm_by_arm() -> None:
    """Also for an arm that is like another one, in each regime, and only if something is replaced."""
    arms, regimes = ["agro", "rloo", "frozen"], ["on_policy", "stale:16"]

    def said(*changes: tuple[str, Any]) -> dict[str, str]:
        _, choices = suites_of("tiny-arithmetic", changes, arms, regimes)
        lines = [line.partition("--set replaces the suite's settings for ")[2] for line in choices if "--set" in line]
        return dict(line.split(": ", 1) for line in lines)

    tuned = {regime: run_config(suite(regime=regime), "agro", 0) for regime in regimes}
    rates = [config.optimizer.learning_rate for config in tuned.values()]
    rate = said(("optimizer.learning_rate", 7e-5))
    assert sorted(rate) == sorted(arms)
    assert (
        rate["agro"]
        == rate["rloo"]
        == "; ".join(
            f"optimizer.learning_rate {old} -> 7e-05 in {regime}" for old, regime in zip(rates, regimes, strict=True)
        )
    )
    betas = [config.objective.fields["beta"] for config in tuned.values()]
    assert said(("objectives.agro.fields.beta", betas[0])) == dict.fromkeys(
        ("agro", "rloo"), f"fields.beta {betas[1]} -> {betas[0]} in stale:16"
    )
    assert said(("optimizer.warmup_steps", 3)) == said(("budget.total", 4096)) == said() == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objectives__agro": {"like": "nobody"}}, ("agro is like nobody",)),
        ({"objectives__agro": {"like": "rloo"}}, ("agro is like rloo",)),
        ({"objectives__agro": {"regimes": {"later": {}}}}, ("'later'", "stale:STEPS")),
        ({"tuning__space": {"learning_rate": [1e-5, 1e-3]}}, ("learning_rate", "optimizer.NAME")),
        ({"tuning__space": {"fields.beta": [1.0, 0.1]}}, ("fields.beta", "empty")),
        ({"tuning__space": {"fields.beta": [0.0, 0.1]}}, ("fields.beta", "greater than 0")),
        ({"objectives__agro__space": {"fields.beta": [1.0, 0.1]}}, ("fields.beta", "empty")),
        ({"tuning__seeds": []}, ("tuning.seeds", "at least 1")),
        ({"tuning__seeds": [1000, 1000]}, ("tuning.seeds", "twice")),
        (
            {"objectives__dapo": {"like": "frozen"}, "objectives__frozen": {}},
            ("dapo is like frozen, which is a control",),
        ),
    ],
)
def test_a_suite_with_such_settings_is_refused(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(HarnessError) as refusal:
        suite(**changes)
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_the_command_tunes_resumes_and_writes_what_a_suite_takes(tmp_path: Path) -> None:
    command = ["tune", "--algos", "agro,grpo", "--trials", "2", "--regime", "on_policy", "--regime", "offline"]
    command += [*SETTINGS, "--set=evaluation.shares=[1]", "--set=rollout.offline_completions=32"]
    command += ["--set=tuning.validation_problems=6", "--workers", "1", "--out", str(tmp_path)]
    code, output = harness(*command)
    assert code == 0, output
    folder = tmp_path / "tiny-arithmetic-tuning"
    runs = list(OutDir(tmp_path).runs("tiny-arithmetic-tuning"))
    assert len(runs) == 8
    first = {file: (folder / file).read_text() for file in (TABLE, CHOSEN)}
    lengths = [len(journal_of(run)) for run in runs]
    code, output = harness(*command)
    assert code == 0, output
    assert {file: (folder / file).read_text() for file in (TABLE, CHOSEN)} == first
    assert [len(journal_of(run)) for run in runs] == lengths

    arms = yaml.safe_load(first[CHOSEN])["objectives"]
    taken = run_config(suite(objectives=arms, regime="offline"), "agro", 0)
    trial = arms["agro"]["regimes"]["offline"]
    assert taken.objective.fields["beta"] == trial["fields"]["beta"]
    assert taken.optimizer.learning_rate == trial["optimizer"]["learning_rate"]

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny-arithmetic-tuning")
    assert experiment
    published = client.search_runs([experiment.experiment_id])
    rates = {run.data.params["optimizer.learning_rate"] for run in published if run.data.params}
    assert len(rates) == 2
    (parent,) = [run for run in published if not run.data.params]
    assert TABLE in [file.path for file in client.list_artifacts(parent.info.run_id)]


def test_a_suite_without_a_space_is_one_sentence(tmp_path: Path) -> None:
    code, output = harness("tune", "--algos", "agro", "--set", f"tuning.space={json.dumps({})}", "--out", str(tmp_path))
    assert code == 2
    assert "no tuning.space for agro" in output


def test_a_misspelt_field_in_the_space_is_one_sentence(tmp_path: Path) -> None:
    space = json.dumps({"fields.bta": [0.1, 1], "optimizer.learning_rate": [1e-5, 1e-3]})
    code, output = harness("tune", "--algos", "agro", "--set", f"tuning.space={space}", "--out", str(tmp_path))
    assert code == 2
    assert "no objective has the field of tuning.space.fields.bta, did you mean 'fields.beta'?" in output
