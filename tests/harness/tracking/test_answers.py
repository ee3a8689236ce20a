"""What MLflow gets: accuracy by objective, the answers of a leaderboard, and completions that people can read."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.utils.validation import _validate_metric_name

from evaluators.statistics.accuracy import SampleRecord, read_records
from evaluators.types import Verdict
from harness.config.run_config import RunConfig
from harness.launch.syncing import sync_suite
from harness.records.out_dir import OutDir
from harness.tracking import LAYOUT, MATCH
from harness.tracking.answer import Answer, answers_of, name_of, table
from harness.tracking.completions import MOST, TABLE, table_of
from harness.tracking.saved_view import TAG, tag_value
from harness.tracking.writer import Writer
from tests.support.paths import ROOT
from tests.support.small import SUITE, journal_of, small_config


def groups(configs: list[RunConfig], *, complete: bool = True) -> list[str]:
    return [key["groupByData"] for key in state(tag_value(configs, 0.0, complete=complete))["groupBy"]["groupByKeys"]]


def state(value: str) -> Any:
    """The state of the page, from the tag of a saved view."""
    packed = json.loads(value)["state"].removeprefix("deflate;")
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def test_a_line_is_a_mean_over_seeds_and_over_nothing_else() -> None:
    agro, again, grpo = small_config("agro"), small_config("agro", 1), small_config("grpo")
    stale, faster = small_config("agro", regime="stale:2"), small_config("agro", optimizer__learning_rate=0.125)
    assert groups([agro, again, grpo]) == ["algo"]
    assert groups([agro, stale]) == ["algo", "regime"]
    assert groups([agro, faster]) == groups([agro, grpo], complete=False) == ["algo", "regime", "harness.arm"]
    assert {state(tag_value([one], 0.0, complete=True))["searchFilter"] for one in (agro, stale, faster)} == {
        f"tags.`{MATCH}` = '{agro.match_key}'"
    }


def test_a_view_fits_into_a_tag_whatever_it_shows() -> None:
    configs = [small_config("agro", seed, regime=f"stale:{2 * steps}") for seed in range(3) for steps in range(1, 30)]
    assert len(tag_value(configs, 0.0, complete=True)) < 5000


def test_runs_of_other_settings_that_somebody_else_published_get_lines_of_their_own(
    store: OutDir, tmp_path: Path
) -> None:
    """They have the same match key and the same objective, but another learning rate."""
    directories = list(store.runs())
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    for directory in directories:
        publisher.publish(directory, running=False)
    publisher.publish_views(directories)
    assert view_of(store) == ["algo"]
    publisher.publish_views(directories[:1])
    assert view_of(store) == ["algo", "regime", "harness.arm"]


def view_of(store: OutDir) -> list[str]:
    experiment = MlflowClient(store.tracking_uri).get_experiment_by_name(SUITE)
    assert experiment
    (value,) = (value for key, value in experiment.tags.items() if key.startswith(TAG))
    return [key["groupByData"] for key in state(value)["groupBy"]["groupByKeys"]]


@pytest.mark.parametrize("suite", ["tiny-arithmetic", "tiny-gcd"])
def test_the_answers_of_a_published_leaderboard(suite: str) -> None:
    """The answers for every arm in every regime, each once, under names that MLflow accepts."""
    text = (ROOT / "results" / suite / "leaderboard.json").read_text()
    answers, document = answers_of(text), json.loads(text)
    rows = [row for board in document["boards"] for row in (*board["rows"], *board["controls"]) if row["accuracy"]]
    assert [(one.arm, one.accuracy) for one in answers] == [(row["objective"], row["accuracy"]["mean"]) for row in rows]
    assert len({one.metric for one in answers}) == len(rows) == len(table(answers).splitlines()) - 2
    for one in answers:
        _validate_metric_name(one.metric)


@pytest.mark.parametrize(
    ("arm", "regime", "metric"),
    [
        ("agro", "on_policy", "accuracy/agro"),
        ("agro", "replay:256,0.5", "accuracy/agro replay.256.0.5"),
        ("agro (1a2b3c4d5e)", "stale:16", "accuracy/agro .1a2b3c4d5e. stale.16"),
        ("my_module:Mine", "on_policy", "accuracy/my_module.Mine"),
    ],
)
def test_the_metric_of_an_arm(arm: str, regime: str, metric: str) -> None:
    one = Answer(arm=arm, regime=regime, budget="", accuracy=0.5, low=None, high=None, seeds=1)
    assert one.metric == metric
    _validate_metric_name(metric)
    assert name_of("two arms", [one]) == f"two arms: {metric.removeprefix('accuracy/')} 50.0%"
    assert name_of("two arms", []) == "two arms"
    assert name_of("many", [one] * 9).endswith(", 5 more")


def test_completions_are_a_table(store: OutDir) -> None:
    run = next(store.runs())
    records = read_records(max((run / "evaluations").glob("test-*.parquet")))
    shown = json.loads(table_of(records))
    rows = [dict(zip(shown["columns"], row, strict=True)) for row in shown["data"]]
    assert [(row["completion"], row["verdict"]) for row in rows] == [(one.text, one.strict) for one in records]
    assert all(isinstance(cell, str | int) for row in shown["data"] for cell in row)  # none is shown as null
    many = json.loads(table_of([records[0]] * (MOST + 1)))
    assert len(many["data"]) == MOST
    assert json.loads(table_of([])) == {"columns": [], "data": []}


def test_a_completion_without_an_answer() -> None:
    record = SampleRecord(
        problem="1",
        question="2+2=",
        answer="4",
        sample=0,
        strict=Verdict.UNPARSED,
        lenient=Verdict.UNPARSED,
        extracted=None,
        text="é\n",
        tokens=1,
        truncated=True,
    )
    (row,) = json.loads(table_of([record]))["data"]
    assert row[:5] == ["2+2=", "é\n", "", "4", "unparsed"]


def test_what_an_older_version_published_gets_the_new_metrics_and_tables(store: OutDir) -> None:
    """The test removes them, as if an older version had published. What exists is not stored twice."""
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    client = MlflowClient(store.tracking_uri)
    experiment = client.get_experiment_by_name(SUITE)
    assert experiment

    def children() -> list[Any]:
        runs = client.search_runs([experiment.experiment_id], f"tags.`{MATCH}` LIKE '%'")
        return [(run.info.run_id, run.data.metrics, client.list_artifacts(run.info.run_id)) for run in runs]

    before = children()
    assert all("accuracy/final" in metrics for _, metrics, _ in before)
    for run_id, *_ in before:
        client.delete_tag(run_id, LAYOUT)
        for path in store.root.glob(f"mlflow-artifacts/*/{run_id}/artifacts/{TABLE}"):
            path.unlink()
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    assert children() == before
    (history,) = {len(client.get_metric_history(run_id, "train/reward_mean")) for run_id, *_ in before}
    assert history == sum(line["event"] == "step" for line in journal_of(next(store.runs())))
