"""Where runs come from: journals and archives are read without MLflow."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.statistics.accuracy import WITHHELD, read_records
from harness.errors import HarnessError
from harness.records.out_dir import OutDir
from harness.report.archive import ARCHIVE, ArchiveSource, write_archive
from harness.report.sources import last_table
from tests.support.paths import ROOT
from tests.support.small import SUITE, run_small, small_config

LEADERBOARDS = """
import sys
import harness.report.commands
assert "mlflow" not in sys.modules, "imported with the commands"
from harness.cli import app
for arguments in ([], ["--from", sys.argv[2]]):
    app(["leaderboard", "--suite", sys.argv[3], "--out", sys.argv[1], *arguments], standalone_mode=False)
    assert "mlflow" not in sys.modules, f"imported by a leaderboard {arguments}"
"""


def test_a_leaderboard_of_journals_or_an_archive_imports_no_mlflow(store: OutDir) -> None:
    archive = store.suite(SUITE) / ARCHIVE
    assert write_archive(store, SUITE, archive) == 2
    done = subprocess.run(
        [sys.executable, "-c", LEADERBOARDS, str(store.root), str(archive), SUITE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote leaderboard.html") == 2


def test_a_public_archive_holds_no_problems_of_others(tmp_path: Path) -> None:
    generated = small_config("agro")
    lines = [json.dumps({"prompt": f"{n}+{n + 1}=", "answer": str(2 * n + 1)}) for n in range(10, 74)]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines))
    own = small_config("agro", task={"name": "jsonl", "data": str(tmp_path / "sums.jsonl")})
    held: dict[str, set[str]] = {}
    for config in (generated, own):
        out = OutDir(tmp_path / config.task.name)
        run_small(config, out.run_of(config))
        source = ArchiveSource(tmp_path / ARCHIVE, config.suite)
        write_archive(out, config.suite, tmp_path / ARCHIVE, force=True)
        (run,) = source.results()
        everything = source.completions(run)
        write_archive(out, config.suite, tmp_path / ARCHIVE, force=True, public=True)
        records = source.completions(run)
        table = out.run_of(config) / last_table(run)
        assert everything == read_records(table), "an archive of one's own has everything"
        held[config.task.name] = {text for one in records for text in (one.question, one.answer)}
        assert [replace(one, question="", answer="") for one in records] == [
            replace(one, question="", answer="") for one in everything
        ]
    assert held["jsonl"] == {WITHHELD}
    assert len(held["arithmetic"]) > 10 and WITHHELD not in held["arithmetic"]
    table.write_bytes(b"torn")
    with pytest.raises(HarnessError, match=r"test-.*\.parquet is damaged .*repeat that run with --fresh"):
        write_archive(out, config.suite, tmp_path / ARCHIVE, force=True, public=True)
    assert not list(tmp_path.glob("*.partial"))
