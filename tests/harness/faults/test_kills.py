"""Twenty SIGKILLs of a run, and some of the publishing, at random points from a seed. Nothing is lost."""

import random
import signal
import time
from pathlib import Path

from harness.launch.syncing import sync_suite
from harness.records.out_dir import OutDir
from harness.tracking.writer import Writer
from tests.support.faults import KilledAtFile, KilledAtStatement
from tests.support.processes import FORKS, exit_code, typed
from tests.support.published import published
from tests.support.small import SUITE, Line, assert_same_run, history, run_small, small_config

CONFIG = small_config(
    "agro",
    budget={"unit": "completions", "total": 50},
    evaluation__validation_problems=2,
    evaluation__test_problems=4,
)
KILLS = 20
OPERATIONS = 45
"""The number of operations on files. A whole run has a few more."""
SECONDS = 1.0
"""About as long as a run takes."""
STATEMENTS = {"fresh": 1900, "made": 180}
"""A few less than it takes to publish two runs, to a store without tables and to one with them."""


def _train(directory: Path, kill: KilledAtFile | None) -> None:
    if kill is not None:
        kill()
    run_small(CONFIG, directory)


def killed(directory: Path, draw: random.Random) -> int:
    """Starts the run and kills it, at one of its file operations or at a time. Returns its exit code."""
    at_file = draw.random() < 0.5
    kill = KilledAtFile(folder=directory, operation=draw.randint(1, OPERATIONS)) if at_file else None
    process = FORKS.Process(target=_train, args=(directory, kill))
    process.start()
    if not at_file:
        time.sleep(draw.uniform(0, SECONDS))
        process.kill()
    return exit_code(process)  # type: ignore[return-value]


def test_of_a_run(tmp_path: Path) -> None:
    draw, kills, runs = random.Random(23), 0, 0
    run_small(CONFIG, tmp_path / "whole")
    whole = history(tmp_path / "whole")
    while kills < KILLS:
        runs += 1
        directory, code = tmp_path / f"killed-{runs}", -signal.SIGKILL
        while code == -signal.SIGKILL and kills < KILLS:
            code = killed(directory, draw)
            kills += code == -signal.SIGKILL
            assert code in (0, -signal.SIGKILL)
            assert _begins(history(directory), whole)
        run_small(CONFIG, directory)
        assert_same_run(directory, tmp_path / "whole")


def _begins(part: list[Line], whole: list[Line]) -> bool:
    return part == whole[: len(part)]


def _publish(store: OutDir, kill: KilledAtStatement) -> None:
    kill()
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))


def test_of_the_publishing(store: OutDir, tmp_path: Path) -> None:
    draw = random.Random(23)
    (store.root / "mlflow.db").unlink()
    for kind in ("fresh", "fresh", "made", "made", "made"):
        kill = KilledAtStatement(statement=draw.randint(1, STATEMENTS[kind]))
        process = FORKS.Process(target=_publish, args=(store, kill))
        process.start()
        assert exit_code(process) in (0, -signal.SIGKILL)
    again = typed(["sync"], store.root)
    assert again.code() == 0, again.stderr
    undisturbed = f"sqlite:///{tmp_path}/undisturbed.db"
    sync_suite(Writer(undisturbed, SUITE, tmp_path), store, SUITE, list(store.runs()))
    assert published(store.tracking_uri) == published(undisturbed)
