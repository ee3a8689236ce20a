"""An MLflow server dies at the start, in the middle or at the end. This gives one warning, and nothing is lost."""

import subprocess
from pathlib import Path

from harness.launch.syncing import Syncing, sync_suite
from harness.records.out_dir import OutDir
from harness.tracking.writer import Writer
from tests.support.dying import dying
from tests.support.published import published
from tests.support.small import INVOCATION, SUITE

DEATHS = {"experiments/get-by-name": False, "runs/create": True, "runs/log-batch": True, "runs/update": False}
"""The request at which the server dies, and whether it still carries it out.

Each case begins where the one before ended.
"""


def test_it_is_caught_up_with_later(
    server: tuple[str, "subprocess.Popen[bytes]"], store: OutDir, tmp_path: Path
) -> None:
    uri, _ = server
    runs = list(store.runs())
    for at, done in DEATHS.items():
        warnings: list[str] = []
        with dying(uri, at, done=done) as address:
            publishing = Syncing(address, store, SUITE, runs, INVOCATION, warnings.append)
            publishing.start()
            assert not publishing.finish(), at
        assert len(warnings) == 1 and "harness sync publishes later" in warnings[0], (at, warnings)
    sync_suite(Writer(uri, SUITE, store.root), store, SUITE, runs)
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, runs)
    assert published(uri) == published(store.tracking_uri)
