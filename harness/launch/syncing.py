"""Publishing to MLflow during runs, in a thread. A slow or missing store only causes a warning."""

import json
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from evaluators.atomic import replacement
from harness.errors import HarnessError
from harness.records.addresses import address_of, reason_of, without_password
from harness.records.events import Invocation
from harness.records.journal import Journal
from harness.records.locks import is_locked
from harness.records.out_dir import OutDir
from harness.records.spans import Profile, spanning
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.tracking.writer import Writer

PUBLISH_EVERY = 2.0
"""The shortest interval between two reads of the journals, in seconds."""
AT_LEAST_EVERY = 30.0
SHARE = 0.02
"""The largest share of a core for publishing during runs. If they write much, journals are read less often."""
PATIENCE = 60.0
"""The seconds that the end of an invocation waits until the last records are published."""
LOCAL_PAGES = "http://127.0.0.1:5000"
"""The address of the pages of ``mlflow ui``."""
INVOCATION = "invocation.json"
"""The file with the :class:`Published` invocation, beside the tables of a suite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The last invocation of a suite, and the names of the tables that it wrote into the suite's folder."""

    invocation: Invocation
    tables: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write the file atomically, because :func:`sync_suite` may read it at the same time."""
        with replacement(folder / INVOCATION) as new:
            new.write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Published | None":
        """Read the file; None if no invocation has ended. Raises HarnessError if the file is damaged."""
        path = folder / INVOCATION
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes()) if path.is_file() else None
        except ValidationError as error:
            raise HarnessError(f"{path} is damaged, or an older version wrote it; delete it and run again") from error


@dataclass(frozen=True, slots=True)
class State:
    """The state of a run directory. It is unchanged as long as there is nothing new to publish."""

    size: int
    changed: int
    held: bool

    @classmethod
    def of(cls, directory: Path) -> "State | None":
        """The current state; None before the run has started."""
        try:
            found = Journal(directory).path.stat()
        except FileNotFoundError:
            return None
        return cls(found.st_size, found.st_mtime_ns, is_locked(directory))


class Syncing(threading.Thread):
    """A thread that publishes run directories until :meth:`finish`."""

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
        self.views: list[str] = []
        """The paths of the views of these runs on an MLflow server. Known once everything is published."""
        self._over = threading.Event()
        self._down = False
        self._published: dict[Path, State] = {}

    def finish(self) -> bool:
        """Publish what is left, and return whether the store has everything."""
        self._over.set()
        self.join(PATIENCE)
        if self.is_alive() and not self._down:
            self._warn(
                f"{without_password(self._uri)} is slow, so not everything is published yet; run harness sync later"
            )
        return not self.is_alive() and not self._down

    def run(self) -> None:
        try:
            from harness.tracking.writer import Writer  # takes seconds, while the runs start

            publisher = Writer(self._uri, self._suite, self._out_dir.root)
            with publisher.machine_metrics(self._invocation):
                cost = 0.0
                while not self._over.wait(max(PUBLISH_EVERY, min(cost / SHARE, AT_LEAST_EVERY))):
                    before = time.thread_time()
                    with spanning(self._profile, "MLflow"):
                        self.publish_changed(publisher)
                    cost = time.thread_time() - before
            with spanning(self._profile, "MLflow"):
                self.views = sync_suite(publisher, self._out_dir, self._suite, self._runs)
        except Exception as error:  # the runs go on whatever the store does, and journals keep everything
            self._down = True
            reason, shown = reason_of(error), without_password(self._uri)
            self._warn(f"cannot publish to {shown} ({reason}); the runs go on, and harness sync publishes later")

    def publish_changed(self, publisher: "Writer") -> None:
        """Publish the runs that have changed. Waiting or ended runs cause no requests."""
        for directory in self._runs:
            state = State.of(directory)
            if state and state != self._published.get(directory):
                publisher.publish(directory, running=state.held)
                self._published[directory] = state


def sync_suite(publisher: "Writer", out_dir: OutDir, suite: str, runs: Sequence[Path]) -> list[str]:
    """Publish the current state of the runs, and the tables of the last invocation. Returns the views of the runs."""
    held = [(directory, is_locked(directory)) for directory in runs]
    for directory, running in held:
        publisher.publish(directory, running=running)
    publisher.settle_parents(held)
    folder = out_dir.suite(suite)
    if published := Published.read(folder):
        tables = [folder / name for name in published.tables]
        publisher.publish_tables(published.invocation, [path for path in tables if path.is_file()])
    return publisher.publish_views(runs)


def where_to_look(uri: str, views: Sequence[str]) -> list[str]:
    """Lines on how to look at the published runs."""
    if uri.startswith("http"):
        return [f"to see the runs:  {address_of(uri, view)}" for view in views]
    if uri.startswith("databricks"):
        return []
    shown = shlex.quote(without_password(uri))
    links = [f"and then open:  {address_of(LOCAL_PAGES, view)}" for view in views]
    return [f"to see the runs:  mlflow ui --backend-store-uri {shown}", *links]


def sync_all(out: Path, tracking_uri: str | None, console: Terminal) -> None:
    """Publish all runs under ``out``.

    Raises:
        HarnessError: there are no runs, or the store cannot be reached.
    """
    from harness.tracking.reaching import reaching
    from harness.tracking.writer import Writer

    out_dir = OutDir(out)
    uri = tracking_uri or out_dir.tracking_uri
    suites = sorted({path.parent.parent.name for path in out_dir.runs()})
    if not suites:
        raise HarnessError(f"there are no runs under {out}; start some with harness run, or give another --out")
    for suite in suites:
        runs = list(out_dir.runs(suite))
        with reaching(uri):
            views = sync_suite(Writer(uri, suite, out_dir.root), out_dir, suite, runs)
        console.say(f"{suite}: published {len(runs)} runs to {without_password(uri)}")
        for line in where_to_look(uri, views):
            console.say(line)
