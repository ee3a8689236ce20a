"""One real MLflow server with user names and with artifacts in S3, and what a browser shows of it."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pytest
import requests
from mlflow import MlflowClient
from playwright.sync_api import Page

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.syncing import Published, Syncing, sync_all
from harness.records.out_dir import OutDir
from harness.report.commands import make_leaderboard
from harness.report.numbers.selection import Selection
from harness.report.pages.writing import FILES
from harness.report.sources import MlflowSource
from harness.studies.evals import to_mlflow
from harness.terminal import Terminal
from tests.support.browser import chromium
from tests.support.mlflow_server import listening, serve, stop
from tests.support.small import INVOCATION, SUITE, journal_of

boto3 = pytest.importorskip("boto3")
for package in ("moto", "flask_wtf"):  # not imported here: where Flask is, vLLM does not start on a CPU
    if not find_spec(package):
        pytest.skip(f"{package} is not installed", allow_module_level=True)

USER, PASSWORD = "admin", "pass/w0rd@1234"
BUCKET = "bucket"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
LOGIN = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The server, and the runs that are to be published."""

    uri: str
    s3: Any
    out: OutDir

    def objects(self) -> set[str]:
        return {entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


@pytest.fixture(scope="module")
def guarded(small_runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    out = OutDir(folder / "results")
    out.prepare()
    for name in ("agro", "grpo"):
        run = out.run(SUITE, journal_of(small_runs[name])[0]["run_id"])
        run.parent.mkdir(parents=True, exist_ok=True)
        run.symlink_to(small_runs[name])
    make_leaderboard(load_suite(SUITE), Selection(), [], out.root, Terminal(quiet=True))
    Published(invocation=INVOCATION, tables=FILES).write(out.suite(SUITE))
    endpoint, store = listening(["moto.server"])
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    )
    s3.create_bucket(Bucket=BUCKET)
    users = folder / "auth.ini"
    users.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/users.db\nadmin_username = {USER}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 600\n"  # checking a password takes a tenth of a second
    )
    surroundings = KEYS | {
        "MLFLOW_S3_ENDPOINT_URL": endpoint,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "signs cookies",
        "MLFLOW_AUTH_CONFIG_PATH": str(users),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
    }
    options = ("--app-name", "basic-auth", "--artifacts-destination", f"s3://{BUCKET}/agro")
    uri, process = serve(folder, *options, surroundings=surroundings)
    yield Guarded(uri=uri, s3=s3, out=out)
    stop(process)
    stop(store)


def said(guarded: Guarded, way: str) -> str:
    """The message for a user who gives no name."""
    warnings: list[str] = []
    console = Terminal(record=True, width=1000, file=StringIO())
    if way == "run":
        publishing = Syncing(guarded.uri, guarded.out, SUITE, [], INVOCATION, warnings.append)
        publishing.start()
        assert not publishing.finish()
    elif way == "eval":
        to_mlflow.publish([], guarded.uri, guarded.out, console)
    else:
        with pytest.raises(HarnessError) as refusal:
            if way == "sync":
                sync_all(guarded.out.root, guarded.uri, console)
            else:
                make_leaderboard(load_suite(SUITE), Selection(), [guarded.uri], guarded.out.root, console)
        warnings.append(str(refusal.value))
    return " ".join([*warnings, console.export_text()])


@pytest.mark.parametrize("way", ["run", "sync", "leaderboard", "eval"])
def test_a_stranger_is_told_which_variables_say_who_one_is(guarded: Guarded, way: str) -> None:
    told = said(guarded, way)
    assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in told
    assert "401" in told and "Traceback" not in told


def test_a_wrong_password_is_refused_and_not_shown(guarded: Guarded) -> None:
    address = guarded.uri.replace("://", f"://{USER}:wr0ng%40@")
    with pytest.raises(HarnessError, match="MLFLOW_TRACKING_USERNAME") as refusal:
        sync_all(guarded.out.root, address, Terminal(quiet=True))
    assert "wr0ng" not in str(refusal.value)


@pytest.fixture(scope="module")
def synced(guarded: Guarded) -> tuple[str, str]:
    """What a user sees who publishes and reads with a password in the address, and the link that is printed."""
    address = guarded.uri.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")
    console = Terminal(record=True, width=1000, file=StringIO())
    sync_all(guarded.out.root, address, console)
    again = OutDir(guarded.out.root.parent / "again")
    make_leaderboard(load_suite(SUITE), Selection(), [address], again.root, console)
    seen = console.export_text()
    for file in (path for path in guarded.out.root.parent.rglob("*") if path.suffix in (".json", ".jsonl", ".html")):
        seen += file.read_text()
    return seen, next(line.split()[-1] for line in seen.splitlines() if "to see the runs" in line)


def test_a_password_in_an_address_is_neither_printed_nor_stored(guarded: Guarded, synced: tuple[str, str]) -> None:
    """Neither on the terminal nor in the folder of the runs, the links of a leaderboard, the server or the bucket."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in LOGIN.items():
            patch.setenv(key, value)
        client = MlflowClient(guarded.uri)
        experiment = client.get_experiment_by_name(SUITE)
        assert experiment
        runs = client.search_runs([experiment.experiment_id])
    stored = [guarded.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in guarded.objects()]
    seen, link = synced
    everything = "".join([seen, str(experiment), *map(str, (run.to_dictionary() for run in runs))])
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in everything
        assert not any(secret.encode() in content for content in stored)
    assert f'<a href="{guarded.uri}/#/experiments/{experiment.experiment_id}/runs/' in seen
    assert link.startswith(f"{guarded.uri}/#/experiments/{experiment.experiment_id}/runs?")


def test_artifacts_lie_in_the_bucket_and_are_read_from_there(guarded: Guarded, synced: tuple[str, str]) -> None:
    names = {PurePosixPath(key).name for key in guarded.objects()}
    assert names >= {"journal.jsonl", "completions.json", "leaderboard.json"}
    made = [guarded.out.root, guarded.out.root.parent / "again"]
    ours, theirs = ((root / SUITE / "leaderboard.md").read_bytes() for root in made)
    assert ours == theirs


@pytest.fixture(scope="module")
def page(guarded: Guarded) -> Iterator[Page]:
    with chromium() as browser:
        login = {"username": USER, "password": PASSWORD}
        tall = {"width": 1600, "height": 2400}  # MLflow draws a chart only when it is visible
        yield browser.new_page(viewport=tall, http_credentials=login)  # type: ignore[arg-type]


def test_the_link_opens_on_accuracy_by_objective(page: Page, synced: tuple[str, str]) -> None:
    page.goto(synced[1])
    page.locator("svg.main-svg").first.wait_for(timeout=90_000)
    for text in ("Group: agro", "Group: grpo", "accuracy/validation", "system/budget_sampled_tokens"):
        page.get_by_text(text).first.wait_for(timeout=30_000)
    shown = page.locator("body").inner_text()
    assert shown.index("accuracy/final") < shown.index("accuracy/validation") < shown.index("System metrics")
    assert "compute/mfu" not in shown and "engine/kl_k3" not in shown  # in collapsed sections


def test_the_list_of_runs_says_what_was_found(page: Page, guarded: Guarded, synced: tuple[str, str]) -> None:
    page.goto(synced[1].partition("/runs?")[0] + "?workflowType=machine_learning")
    answers = json.loads((guarded.out.suite(SUITE) / "leaderboard.json").read_text())["boards"][0]["rows"]
    told = ", ".join(f"{row['objective']} {row['accuracy']['mean']:.1%}" for row in answers)
    page.get_by_text(f"{INVOCATION.name}: {told}").click(timeout=90_000)
    page.get_by_text("test accuracy").first.wait_for(timeout=30_000)  # the table in its description


def test_a_run_begins_with_accuracy_and_hides_its_budget(page: Page, run_page: str) -> None:
    page.goto(f"{run_page}/model-metrics")
    page.locator("svg.main-svg").first.wait_for(timeout=90_000)
    shown = page.locator("body").inner_text()
    assert shown.index("accuracy") < shown.index("compute")
    assert "budget" not in shown


def test_completions_are_a_table_that_one_can_read(page: Page, run_page: str) -> None:
    page.goto(f"{run_page}/artifacts/completions.json")
    for text in ("question", "completion", "answer", "expected", "verdict"):
        page.get_by_role("columnheader", name=text).first.wait_for(timeout=90_000)


@pytest.fixture(scope="module")
def run_page(guarded: Guarded, synced: tuple[str, str]) -> str:
    """The address of a run's page, as a leaderboard links to it."""
    page = (guarded.out.root.parent / "again" / SUITE / "leaderboard.html").read_text()
    found = re.search(rf'"({guarded.uri}/#/experiments/\d+/runs/\w+)"', page)
    assert found
    return found[1]


def test_a_user_who_may_only_read_is_told_so(guarded: Guarded, synced: tuple[str, str]) -> None:
    """By default everybody may read, and the user who created an experiment may write to it."""
    made = requests.post(
        f"{guarded.uri}/api/2.0/mlflow/users/create",
        json={"username": "reader", "password": "another passw0rd"},
        auth=(USER, PASSWORD),
        timeout=30,
    )
    made.raise_for_status()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "reader")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "another passw0rd")
        assert len(MlflowSource(guarded.uri, SUITE).results()) == 2
        with pytest.raises(HarnessError, match=r"403.*ask its administrator"):
            sync_all(guarded.out.root, guarded.uri, Terminal(quiet=True))


@pytest.fixture
def direct(guarded: Guarded, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store whose clients all read and write the artifacts directly in the bucket."""
    for key, value in (KEYS | {"MLFLOW_S3_ENDPOINT_URL": guarded.s3.meta.endpoint_url}).items():
        monkeypatch.setenv(key, value)
    uri = f"sqlite:///{shutil.copy(empty_store, tmp_path)}"
    MlflowClient(uri).create_experiment(SUITE, f"s3://{BUCKET}/direct")
    return uri


def test_a_client_that_reaches_the_bucket_itself(guarded: Guarded, direct: str) -> None:
    sync_all(guarded.out.root, direct, Terminal(quiet=True))
    assert any(key.startswith("direct/") and key.endswith("journal.jsonl") for key in guarded.objects())
    assert len(MlflowSource(direct, SUITE).results()) == 2


@pytest.mark.parametrize("lacking", ["boto3", "bucket"])
def test_a_bucket_that_cannot_be_reached_is_one_sentence(
    guarded: Guarded, direct: str, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A new address, because MLflow keeps its client for the old one.
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    if lacking == "boto3":
        monkeypatch.setitem(sys.modules, "boto3", None)
    told = "such as boto3" if lacking == "boto3" else "check that the store exists"
    with pytest.raises(HarnessError, match=told):
        sync_all(guarded.out.root, direct, Terminal(quiet=True))
