"""Syncing beside the runs, in a thread: a store that is slow or gone costs one warning and nothing else."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from harness.errors import HarnessError
from harness.records.addresses import reason_of, without_password
from harness.records.events import Invocation
from harness.records.journal import Journal
from harness.records.locks import is_locked
from harness.records.out_dir import OutDir
from harness.records.spans import Profile, spanning
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.tracking.writer import Writer

PUBLISH_EVERY = 2.0
"""Seconds between two looks at the journals."""
AT_LEAST_EVERY = 30.0
SHARE = 0.02
"""Of a core that publishing takes while runs run: where many of them write much, it looks less often."""
PATIENCE = 60.0
"""Seconds that the end of an invocation waits for the last records to be published."""
INVOCATION = "invocation.json"
"""Beside a suite's tables: the :class:`Published` that made them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The last invocation of a suite, and the names of the tables that it wrote into the suite's folder."""

    invocation: Invocation
    tables: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Whole or not at all: :func:`sync_suite` reads what is there."""
        partial = folder / f".{INVOCATION}.partial"
        partial.write_text(json.dumps(asdict(self)) + "\n")
        partial.replace(folder / INVOCATION)

    @classmethod
    def read(cls, folder: Path) -> "Published | None":
        """None where no invocation has ended; raises HarnessError where the file is damaged."""
        path = folder / INVOCATION
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes()) if path.is_file() else None
        except ValidationError as error:
            raise HarnessError(f"{path} is damaged or of an older version; delete it, and run again") from error


@dataclass(frozen=True, slots=True)
class State:
    """Of a run, for the store: it is the same as long as there is nothing new to publish."""

    size: int
    changed: int
    held: bool

    @classmethod
    def of(cls, directory: Path) -> "State | None":
        """None before the run has begun."""
        path = Journal(directory).path
        if not path.is_file():
            return None
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, is_locked(directory))


class Syncing(threading.Thread):
    """Follows run directories until :meth:`finish`."""

    def __init__(
        self,
        uri: str,
        out_dir: OutDir,
        suite: str,
        runs: Sequence[Path],
        invocation: Invocation,
        warn: Callable[[str], None],
        profile: Profile | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self._uri, self._out_dir, self._suite, self._runs = uri, out_dir, suite, runs
        self._invocation, self._warn, self._profile = invocation, warn, profile
        self._over = threading.Event()
        self._down = False
        self._published: dict[Path, State] = {}

    def finish(self) -> bool:
        """Publish what is left; whether the store has everything."""
        self._over.set()
        self.join(PATIENCE)
        if self.is_alive() and not self._down:
            self._warn(
                f"{without_password(self._uri)} is slow: not everything is published yet; run harness sync later"
            )
        return not self.is_alive() and not self._down

    def run(self) -> None:
        try:
            from harness.tracking.writer import Writer  # seconds of imports, while the runs start

            publisher = Writer(self._uri, self._suite, self._out_dir.root)
            with publisher.machine_metrics(self._invocation):
                cost = 0.0
                while not self._over.wait(max(PUBLISH_EVERY, min(cost / SHARE, AT_LEAST_EVERY))):
                    before = time.thread_time()
                    with spanning(self._profile, "MLflow"):
                        self.publish_changed(publisher)
                    cost = time.thread_time() - before
            with spanning(self._profile, "MLflow"):
                sync_suite(publisher, self._out_dir, self._suite, self._runs)
        except Exception as error:  # whatever the store does, the runs go on; their journals keep everything
            self._down = True
            reason, shown = reason_of(error), without_password(self._uri)
            self._warn(f"cannot publish to {shown} ({reason}); the runs go on, harness sync publishes later")

    def publish_changed(self, publisher: "Writer") -> None:
        """Bring the store up to the runs that have changed; those that wait or have ended cost it no question."""
        for directory in self._runs:
            state = State.of(directory)
            if state and state != self._published.get(directory):
                publisher.publish(directory, running=state.held)
                self._published[directory] = state


def sync_suite(publisher: "Writer", out_dir: OutDir, suite: str, runs: Sequence[Path]) -> None:
    """Publish the runs as they stand, and the tables of the suite's last invocation."""
    held = [(directory, is_locked(directory)) for directory in runs]
    for directory, running in held:
        publisher.publish(directory, running=running)
    publisher.settle_parents(held)
    folder = out_dir.suite(suite)
    if published := Published.read(folder):
        tables = [folder / name for name in published.tables]
        publisher.publish_tables(published.invocation, [path for path in tables if path.is_file()])


def sync_all(out: Path, tracking_uri: str | None, console: Terminal) -> None:
    """Every run under ``out`` to the store.

    Raises:
        HarnessError: the store cannot be reached.
    """
    from harness.tracking.reaching import reaching
    from harness.tracking.writer import Writer

    out_dir = OutDir(out)
    uri = tracking_uri or out_dir.tracking_uri
    suites = sorted({path.parent.parent.name for path in out_dir.runs()})
    if not suites:
        raise HarnessError(f"no runs under {out}; harness run makes some, or name another --out")
    for suite in suites:
        runs = list(out_dir.runs(suite))
        with reaching(uri):
            sync_suite(Writer(uri, suite, out_dir.root), out_dir, suite, runs)
        console.say(f"{suite}: {len(runs)} runs are published to {without_password(uri)}")
