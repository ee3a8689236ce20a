"""What people see in MLflow, asked through the REST interface of a real server, as its comparison page asks."""

import json
import subprocess
import time
import urllib.request
from typing import Any

import pytest

import harness.tracking.writer
from harness.config.suites import load_suite
from harness.launch.syncing import Published, sync_suite
from harness.records.out_dir import OutDir
from harness.report.commands import make_leaderboard
from harness.report.numbers.selection import Selection
from harness.report.pages.writing import FILES
from harness.terminal import Terminal
from harness.tracking.writer import Writer
from tests.support.boards import BASIC_FILES
from tests.support.small import INVOCATION, SUITE, journal_of

Server = tuple[str, "subprocess.Popen[bytes]"]


def ask(uri: str, path: str, **body: Any) -> Any:
    request = urllib.request.Request(f"{uri}/api/2.0/mlflow/{path}", method="POST" if body else "GET")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, json.dumps(body).encode() if body else None, timeout=30) as answer:
        return json.load(answer)


def tags(run: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


def test_what_the_comparison_page_shows(server: Server, store: OutDir) -> None:
    uri, _ = server
    make_leaderboard(load_suite(SUITE), Selection(), [], store.root, Terminal(quiet=True))
    Published(invocation=INVOCATION, tables=FILES).write(store.suite(SUITE))
    sync_suite(Writer(uri, SUITE, store.root), store, SUITE, list(store.runs()))
    experiment = ask(uri, f"experiments/get-by-name?experiment_name={SUITE}")["experiment"]["experiment_id"]
    runs = ask(uri, "runs/search", experiment_ids=[experiment])["runs"]
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in tags(run)]
    children = [run for run in runs if run is not parent]

    assert [tags(run)["mlflow.parentRunId"] for run in children] == [parent["info"]["run_id"]] * 2
    params = [{p["key"]: p["value"] for p in run["data"]["params"]} for run in children]
    assert sorted(found["algo"] for found in params) == ["agro", "grpo"]
    differing = {key for key in params[0].keys() | params[1].keys() if params[0].get(key) != params[1].get(key)}
    assert all(key == "algo" or key.startswith(("objective.", "optimizer.")) for key in differing)
    metrics = [{m["key"] for m in run["data"]["metrics"] if not m["key"].startswith("objective/")} for run in children]
    assert metrics[0] == metrics[1] >= {"test/arithmetic_acc", "eval/arithmetic_acc", "train/reward_mean"}
    experiment_tags = ask(uri, f"experiments/get?experiment_id={experiment}")["experiment"]["tags"]
    assert {"key": "mlflow.experimentKind", "value": "custom_model_development"} in experiment_tags
    ended = {int(journal_of(path)[-1]["clock"]["time"] * 1000) for path in store.runs()}
    assert {run["info"]["end_time"] for run in children} == ended  # not the time of publishing
    assert parent["info"]["end_time"] == max(ended)
    for run in children:
        run_id = run["info"]["run_id"]
        history = ask(uri, f"metrics/get-history?run_id={run_id}&metric_key=eval/arithmetic_acc")["metrics"]
        assert [point["step"] for point in history] == [0, 64, 96]  # completions spent
        inputs = {place["tags"][0]["value"]: place["dataset"] for place in run["inputs"]["dataset_inputs"]}
        assert set(inputs) == {"train", "validation", "test"}
        assert json.loads(inputs["test"]["profile"]) == {"problems": 8}
        assert "harness run --algos agro,grpo" in tags(run)["mlflow.note.content"]
        assert {file["path"] for file in ask(uri, f"artifacts/list?run_id={run_id}")["files"]} == {
            "completions.json",
            "evaluations",
            "journal.jsonl",
        }
    files = {file["path"] for file in ask(uri, f"artifacts/list?run_id={parent['info']['run_id']}")["files"]}
    assert files == BASIC_FILES

    make_leaderboard(load_suite(SUITE), Selection(), [uri], store.root / "again", Terminal(quiet=True))
    page = (store.root / "again" / SUITE / "leaderboard.html").read_text()
    assert f'<a href="{uri}/#/experiments/{experiment}/runs/{children[0]["info"]["run_id"]}">' in page


def test_the_machine_is_watched_on_the_run_of_the_invocation(store: OutDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.tracking.writer, "MACHINE_EVERY", 0.2)
    wanted = {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"}
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    deadline = time.monotonic() + 60
    with publisher.machine_metrics(INVOCATION):
        parent = publisher._runs.parent(INVOCATION).info.run_id
        while not wanted <= publisher._client.get_run(parent).data.metrics.keys():
            assert time.monotonic() < deadline
            time.sleep(0.1)
