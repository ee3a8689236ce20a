"""Published files are never lost: not by a run, a report, or an export."""

import json
import shutil
from pathlib import Path

import pytest

from harness.cli.options import OUT
from harness.records.out_dir import OutDir
from harness.report.archive import ARCHIVE, archived
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.looks import write
from tests.support.paths import ROOT
from tests.support.results import records_of
from tests.support.small import SUITE, journal_of, small_config


@pytest.fixture
def published(store: OutDir, tmp_path: Path) -> Path:
    """A folder of published results, made of the two runs of ``store``."""
    to = tmp_path / "published"
    code, output = harness("publish", "--suite", SUITE, "--out", str(store.root), "--to", str(to))
    assert code == 0, output
    return to


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_published_is_the_archive_and_the_leaderboard_made_of_it(published: Path, tmp_path: Path) -> None:
    archive = published / SUITE / ARCHIVE
    assert len(archived(archive)) == 2
    code, output = harness("leaderboard", "--suite", SUITE, "--from", str(archive), "--out", str(tmp_path / "again"))
    assert code == 0, output
    tables = {name: content for name, content in contents(published / SUITE).items() if name != ARCHIVE}
    assert contents(tmp_path / "again" / SUITE) == tables


def test_one_correction_over_the_document_is_asked_for_by_its_flag(published: Path, tmp_path: Path) -> None:
    """The written files say so, and name the command that makes them again."""
    archive, again = str(published / SUITE / ARCHIVE), tmp_path / "again"
    command = ["leaderboard", "--suite", SUITE, "--from", archive, "--out", str(again)]
    for more, said in (([], "table"), (["--correct", "document"], "document")):
        code, output = harness(*command, *more)
        assert code == 0, output
        assert json.loads((again / SUITE / "leaderboard.json").read_text())["correction"] == said
        page = (again / SUITE / "leaderboard.html").read_text()
        assert (f"harness leaderboard --suite {SUITE} --correct document</code>" in page) == (said == "document")
    code, output = harness(*command, "--correct", "nothing")
    assert code == 2 and "Traceback" not in output


def test_nothing_that_would_lose_published_runs_is_begun_without_force(
    published: Path, store: OutDir, tmp_path: Path
) -> None:
    before = contents(published)
    fewer = OutDir(tmp_path / "fewer")
    first = next(store.runs(SUITE))
    shutil.copytree(first, fewer.suite(SUITE) / "runs" / first.name)
    archive = str(published / SUITE / ARCHIVE)
    shutil.copy(archive, fewer.suite(SUITE) / ARCHIVE)
    for command in (
        ["run", "--algos", "agro", "--seeds", "1", *SETTINGS, "--out", str(published)],
        ["leaderboard", "--suite", SUITE, "--from", archive, "--algos", "agro", "--out", str(published)],
        ["publish", "--suite", SUITE, "--out", str(fewer.root), "--to", str(published)],
        ["export", "--suite", SUITE, "--out", str(fewer.root)],
    ):
        refused(command, "published runs", "--force")
    assert contents(published) == before
    assert len(archived(fewer.suite(SUITE) / ARCHIVE)) == 2
    for command in (
        ["export", "--suite", SUITE, "--out", str(fewer.root), "--force"],
        ["publish", "--suite", SUITE, "--out", str(fewer.root), "--to", str(published), "--force"],
    ):
        code, output = harness(*command)
        assert code == 0, output
    assert archived(published / SUITE / ARCHIVE) == [first.name]


def test_what_has_no_leaderboard_leaves_the_archive_as_it_is(
    published: Path, store: OutDir, small_runs: dict[str, Path], tmp_path: Path
) -> None:
    before = contents(published)
    changed = small_config("grpo", rollout__max_tokens=47)
    records = records_of(small_runs, "grpo")
    records[0] = records[0] | {"config": changed.model_dump(mode="json"), "run_id": changed.run_id}
    write(records, store.run_of(changed))
    shutil.copytree(small_runs["grpo"] / "evaluations", store.run_of(changed) / "evaluations")
    refused(["publish", "--suite", SUITE, "--out", str(store.root), "--to", str(published)], "rollout.max_tokens")
    assert contents(published) == before
    refused(["publish", "--suite", SUITE, "--out", str(tmp_path / "empty"), "--to", str(tmp_path / "to")], "no runs")
    assert not (tmp_path / "to" / SUITE).exists()


def test_more_runs_replace_fewer(published: Path, store: OutDir, small_runs: dict[str, Path]) -> None:
    start = journal_of(small_runs["ppo"])[0]
    shutil.copytree(small_runs["ppo"], store.suite(SUITE) / "runs" / start["run_id"])
    code, output = harness("publish", "--suite", SUITE, "--out", str(store.root), "--to", str(published))
    assert code == 0, output
    assert len(archived(published / SUITE / ARCHIVE)) == 3


def test_runs_go_to_a_folder_that_git_ignores_unless_asked() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert f"/{OUT}/" in ignored
