"""Commands that start, end and write at the same time in one folder do not disturb each other."""

import subprocess
import sys
import threading
from pathlib import Path

from harness.launch.syncing import State
from harness.records.journal import JOURNAL, Follower
from tests.support.paths import ROOT

COMMAND = """
import sys
from pathlib import Path
from harness.launch.syncing import Published
from harness.records.claims import claimed
from harness.records.events import Invocation, PlannedRuns
from harness.records.out_dir import OutDir

root, name = Path(sys.argv[1]), sys.argv[2]
ended = Published(
    invocation=Invocation(id=name, name=name, command="", plan=PlannedRuns(algos=(), regimes=(), seeds=())), tables=()
)
print("ready", flush=True)
sys.stdin.readline()
for number in range(600):
    OutDir(root).prepare()
    with claimed(root / "suite", [f"{name}{number}"], "harness run"):
        ended.write(root)
"""


def test_commands_on_one_folder(tmp_path: Path) -> None:
    (tmp_path / "suite").mkdir()
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(tmp_path), name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for command in commands:
        assert command.stdout and command.stdout.readline() == "ready\n"
    for command in commands:
        assert command.stdin
        command.stdin.write("\n")
        command.stdin.flush()
    for command in commands:
        _, errors = command.communicate(timeout=120)
        assert command.returncode == 0, errors
    assert Path(tmp_path / "invocation.json").is_file()


def test_a_journal_that_comes_and_goes(tmp_path: Path) -> None:
    """Another process deletes it with --fresh, at any moment."""
    path, done = tmp_path / JOURNAL, threading.Event()

    def replace() -> None:
        while not done.is_set():
            path.write_bytes(b"{")
            path.unlink()

    other = threading.Thread(target=replace)
    other.start()
    try:
        follower = Follower(path)
        for _ in range(20_000):
            assert follower.news().events == []
            State.of(tmp_path)
    finally:
        done.set()
        other.join()
