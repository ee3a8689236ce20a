"""The disk is full at each kind of write. The run ends with one sentence, and the same command then completes it."""

from pathlib import Path

from harness.records.out_dir import OutDir
from tests.support.faults import DiskFull, work_here
from tests.support.processes import Typed, typed
from tests.support.published import published
from tests.support.small import SMALL, SUITE, assert_same_run, run_small, small_config

FEW = SMALL | {
    "budget": {"unit": "completions", "total": 50},
    "evaluation.validation_problems": 2,
    "evaluation.test_problems": 4,
    "rollout.offline_completions": 16,
}
REPORTS = "harness.report.pages.writing"
KINDS = {
    "claim": DiskFull(place="pathlib:Path.write_text", file="claim.json"),
    "offline set": DiskFull(place="harness.rollout.fixed_set:_write"),
    "first line of the journal": DiskFull(place="harness.records.journal:Journal.append"),
    "table of an evaluation": DiskFull(place="harness.training.state:write_records", call=2),
    "first checkpoint": DiskFull(place="harness.training.checkpoint:save_file", room=10_000),
    "line of the journal": DiskFull(place="harness.records.journal:Journal.append", call=2),
    "later checkpoint": DiskFull(place="harness.training.checkpoint:save_file", call=2, room=1_000_000),
    "model": DiskFull(place="harness.models.policy:Policy.save", room=1_000_000),
    "page": DiskFull(place="pathlib:Path.write_text", file="leaderboard.html"),
    "picture": DiskFull(place=f"{REPORTS}:save"),
    "table of problems": DiskFull(place=f"{REPORTS}:pq.write_table"),
    "list of tables": DiskFull(place="harness.launch.syncing:Published.write"),
}
"""In the order in which a run reaches them, so each case resumes what the one before has left."""


def sentence_of(refused: Typed) -> str:
    assert refused.code() == 2, refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    (sentence,) = [line for line in refused.stderr.splitlines() if line.startswith("harness: ")]
    return sentence


def test_at_every_kind_of_write_of_a_run(tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    changes = [f"--set={key}={value}" for key, value in FEW.items() if key != "budget"]
    command = ["run", "--algos", "agro", "--seeds", "0,", "--regime", "offline", "--budget", "completions=50"]
    said = {kind: sentence_of(typed([*command, *changes], out, fault=fault)) for kind, fault in KINDS.items()}
    assert all("free some space, and the same command resumes" in sentence for sentence in said.values()), said
    meanwhile = typed(["sync"], out)
    assert meanwhile.code() == 0, meanwhile.stderr  # whatever was left half written
    done = typed([*command, *changes], out, fault=work_here)
    assert done.code() == 0, done.stderr
    (run,) = OutDir(out).runs(SUITE)
    settings = {key.replace(".", "__"): value for key, value in FEW.items()}
    run_small(small_config("agro", **settings, regime="offline"), whole / SUITE / "runs" / "agro")
    assert_same_run(run, whole / SUITE / "runs" / "agro")
    report = typed(["leaderboard", "--suite", SUITE], out, fault=KINDS["table of problems"])
    assert "cannot write" in sentence_of(report)
    assert typed(["leaderboard", "--suite", SUITE], out).code() == 0
    assert typed(["sync"], out).code() == 0
    assert len(published(OutDir(out).tracking_uri)) == 2


ARTIFACTS = "mlflow.store.artifact.local_artifact_repo:LocalArtifactRepository"
STORE = {
    "tables of a fresh store": DiskFull(place="harness.tracking.writer:experiment_of", room=150_000),
    "new experiment": DiskFull(place="mlflow:MlflowClient.create_experiment"),
    "new run": DiskFull(place="mlflow:MlflowClient.create_run"),
    "metrics": DiskFull(place="mlflow:MlflowClient.log_batch", call=3),
    "journal": DiskFull(place="harness.tracking.writer:Writer._put", call=2),
    "tables of evaluations": DiskFull(place=f"{ARTIFACTS}.log_artifacts"),
    "completions to read": DiskFull(place="harness.tracking.writer:Writer._put_table"),
    "status": DiskFull(place="mlflow:MlflowClient.set_terminated"),
    "view": DiskFull(place="mlflow:MlflowClient.set_experiment_tag"),
}


def test_at_every_kind_of_write_to_the_store(store: OutDir, tmp_path: Path) -> None:
    (store.root / "mlflow.db").unlink()
    for kind, fault in STORE.items():
        assert "cannot use the MLflow store" in sentence_of(typed(["sync"], store.root, fault=fault)), kind
    again = typed(["sync"], store.root)
    assert again.code() == 0, again.stderr
    undisturbed = f"sqlite:///{tmp_path}/undisturbed.db"
    assert typed(["sync", "--tracking-uri", undisturbed], store.root).code() == 0
    assert published(store.tracking_uri) == published(undisturbed)
