"""``harness replicate`` tests the verdicts of an archive on new seeds, with the settings of the archive."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.config.optimizer import OptimizerSettings
from harness.config.run_config import RunConfig
from harness.records.events import decode
from harness.records.out_dir import OutDir
from harness.records.results import RunResult, read_results
from harness.report.archive import write_archive
from harness.report.numbers.board import build
from harness.report.numbers.document import Board
from harness.studies.replication.claims import claims_of
from harness.studies.replication.found import judged, remarks
from tests.support.command_line import harness, refused
from tests.support.looks import played, renamed, write
from tests.support.results import records_of, result, suite
from tests.support.small import SUITE, small_config

SKILL = {"grpo": 0.3, "far": 0.9, "near": 0.3}
RATE = 1.25e-4
"""No suite has this value, so it can come only from the archive."""


def archived(small_runs: dict[str, Path], folder: Path, seeds: int = 5, name: str = SUITE, **changes: Any) -> Path:
    """An archive. Its arm ``far`` is better than grpo, and its arm ``near`` is not distinguished from grpo."""
    out, template = OutDir(folder / "source"), small_runs["grpo"]
    optimizer = OptimizerSettings(learning_rate=RATE)
    for arm in SKILL:
        for seed in range(seeds):
            config = renamed(small_config("grpo", **changes), arm, seed, optimizer=optimizer, suite=name)
            write(played(records_of(small_runs, "grpo"), config, skill=SKILL), out.run_of(config))
            shutil.copytree(template / "evaluations", out.run_of(config) / "evaluations")
    archive = folder / "published" / "runs.tar.xz"
    archive.parent.mkdir(parents=True)
    write_archive(out, config.suite, archive)
    return archive


def test_verdicts_are_tried_on_new_seeds_by_the_recorded_settings(small_runs: dict[str, Path], tmp_path: Path) -> None:
    archive, out = archived(small_runs, tmp_path), tmp_path / "out"
    command = ["replicate", "--suite", SUITE, "--from", str(archive), "--seeds", "2", "--out", str(out)]
    code, output = harness(*command, "--workers", "1")
    assert code == 0, output
    made = read_results(OutDir(out).journals(SUITE))
    assert sorted((run.config.objective.name, run.config.seed) for run in made) == [
        ("far", 5),
        ("far", 6),
        ("grpo", 5),
        ("grpo", 6),
    ]
    assert {run.status for run in made} == {"finished"}
    for run in made:
        known = renamed(small_config("grpo"), run.config.objective.name, run.config.seed)
        wanted: RunConfig = known.model_copy(update={"optimizer": OptimizerSettings(learning_rate=RATE)})
        assert run.config == wanted
    document = json.loads((out / SUITE / "replicate.json").read_text())
    (one,) = document["verdicts"]
    assert (one["objective"], one["verdict"], one["published_seeds"], one["new_seeds"]) == ("far", "better", 5, 2)
    # Both arms are grpo, so their results are the same, and the invented verdict is contradicted.
    assert one["new"]["mean"] == 0
    assert one["outcome"] == "not replicated"
    assert 0.3 < one["expected"] <= 1
    assert document["seeds"] == [5, 6]
    assert [other["objective"] for other in document["unclaimed"]] == ["near"]
    assert not any("start weights" in remark for remark in document["remarks"])
    text = (out / SUITE / "replicate.md").read_text()
    said = "1 published verdict on 2 new seeds: 0 replicated, 1 not replicated, 0 undecided"
    assert said in text
    assert said in " ".join(output.split())


def test_what_cannot_be_replicated_is_one_sentence(small_runs: dict[str, Path], tmp_path: Path) -> None:
    archive = archived(small_runs, tmp_path)
    command = ["replicate", "--suite", SUITE, "--from", str(archive), "--out", str(tmp_path / "out")]
    refused([*command, "--seeds", "3,9"], "--seeds 3", "new ones")
    refused([*command, "--seeds", "1"], "two new seeds")
    refused([*command, "--seeds", "x"], "--seeds")
    refused([*command, "--algos", "fat"], "--algos fat", "far, grpo, near")
    refused([*command, "--regime", "offline"], "--regime offline", "on_policy")
    refused([*command, "--algos", "near"], "there is no claim", "near in on_policy: unclear")
    refused([*command[:4], str(tmp_path / "none.tar.xz"), *command[5:]], "none.tar.xz")
    refused([*command[:2], "tiny-gcd", *command[3:]], "tiny-arithmetic", "not of tiny-gcd")
    for content in ({}, {"baseline": "grpo", "margin": 0}, {"baseline": "grpo", "margin": 2}):
        (archive.parent / "leaderboard.json").write_text(json.dumps(content))
        refused(command, "leaderboard.json", "baseline and margin")
    assert not list((tmp_path / "out").rglob("journal.jsonl"))


@pytest.mark.parametrize("known_as", ["mine", "mine.yaml", "published/suite.yaml"])
def test_the_suite_may_be_ones_own(
    small_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_as: str
) -> None:
    """By its name if it is beside the archive, or by the path of its file."""
    archive = archived(small_runs, tmp_path, name="mine")
    monkeypatch.chdir(tmp_path)
    text = yaml.safe_dump(suite().model_copy(update={"name": "mine"}).model_dump(mode="json"))
    Path("mine.yaml").write_text(text)
    (archive.parent / "suite.yaml").write_text(text)
    command = ["replicate", "--suite", known_as, "--from", str(archive), "--out", "out"]
    refused([*command, "--algos", "near"], "there is no claim", "near in on_policy: unclear")
    refused([*command[:2], "yours", *command[3:]], "holds runs of mine, not of yours")


@pytest.mark.parametrize(
    ("baseline", "expected"), [("far", "grpo in on_policy"), ("near", "there is no claim")], ids=["far", "near"]
)
def test_baseline_and_margin_are_those_that_were_published(
    small_runs: dict[str, Path], tmp_path: Path, baseline: str, expected: str
) -> None:
    """The leaderboard with which they were published is next to the archive."""
    archive = archived(small_runs, tmp_path, seeds=5)
    (archive.parent / "leaderboard.json").write_text(json.dumps({"baseline": baseline, "margin": 0.02}))
    command = ["replicate", "--suite", SUITE, "--from", str(archive), "--out", str(tmp_path / "out")]
    sentence = refused(
        [*command, "--algos", "grpo", "--seeds", "1"], "two new seeds" if baseline == "far" else expected
    )
    assert "grpo" in sentence or baseline == "far"


@pytest.mark.parametrize(
    ("published", "expected"),
    [({}, "table"), ({"correction": "table"}, "table"), ({"correction": "document"}, "document")],
)
def test_verdicts_are_those_of_the_published_correction(
    small_runs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    published: dict[str, str],
    expected: str,
) -> None:
    """If the document was corrected, a result that is significant only within its table was not claimed."""
    archive = archived(small_runs, tmp_path)
    beside = archive.parent / "leaderboard.json"
    beside.write_text(json.dumps({"baseline": "grpo", "margin": 0.02} | published))
    boards: list[Board] = []

    def watched(*given: Any, **more: Any) -> Board:
        boards.append(build(*given, **more))
        return boards[-1]

    monkeypatch.setattr("harness.studies.replication.command.build", watched)
    command = ["replicate", "--suite", SUITE, "--from", str(archive), "--out", str(tmp_path / "out"), "--seeds", "1"]
    refused(command, "two new seeds")
    assert [board.correction for board in boards] == [expected]
    beside.write_text(json.dumps({"baseline": "grpo", "margin": 0.02, "correction": "none"}))
    refused(command, "leaderboard.json", "publish the archive again")


@pytest.mark.parametrize("count", range(4))
def test_what_is_expected_is_of_the_new_seeds_that_both_arms_have(small_runs: dict[str, Path], count: int) -> None:
    """If runs failed, there may be one such seed, or none."""
    records = records_of(small_runs, "grpo")

    def runs(arm: str, seeds: Iterable[int]) -> list[RunResult]:
        configs = [renamed(small_config("grpo"), arm, seed) for seed in seeds]
        return read_results([[decode(line, "test") for line in played(records, one, skill=SKILL)] for one in configs])

    published = [*runs("far", range(5)), *runs("grpo", range(5))]
    (claim,), _ = claims_of(build(suite(), published), published, None, None)
    found = judged(claim, runs("far", range(5, 5 + count)), runs("grpo", range(5, 8)), 0.02)
    assert found.new_seeds == count
    assert (found.expected is not None) == (count > 1)
    assert found.outcome == "undecided" or count > 1


def as_if(run: RunResult, **versions: str) -> RunResult:
    """The run, made by other versions of code and libraries."""
    return replace(run, origin=replace(run.origin, versions={**run.origin.versions, "commit": "a" * 7, **versions}))


def test_what_differs_besides_the_seeds_is_a_remark(small_runs: dict[str, Path]) -> None:
    run = result(records_of(small_runs, "grpo"))
    here = as_if(run)
    assert remarks([here], [here, here]) == []
    assert remarks([as_if(run, commit="b" * 7)], [here]) == [f"commit: {'b' * 7} in the archive, {'a' * 7} here"]
    assert remarks([here], [as_if(run, torch="2.13.9")]) == [
        f"torch: {run.origin.versions['torch']} in the archive, 2.13.9 here"
    ]
    assert remarks([here], [as_if(run, commit="a" * 7 + "-dirty")])[1:] == ["the code here is uncommitted or unknown"]
    other = replace(here, identity=replace(run.identity, weights="others"))
    assert remarks([here], [other]) == [
        "start weights, problems or prompts differ from the archive's, so this is not a replication"
    ]
    broken = replace(here, status="failed", reason="a gradient is not finite")
    assert remarks([here], [here, broken]) == [f"{run.run_id}: failed (a gradient is not finite)"]
