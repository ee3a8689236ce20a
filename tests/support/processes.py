"""New processes. Each is a fork of a server that has imported everything and done nothing else."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.preloaded"])


def exit_code(process: ForkServerProcess, patience: float = 300) -> int | None:
    """The exit code of the process after it has ended. If a signal ended it, minus the signal."""
    process.join(patience)
    assert process.exitcode is not None, "it has not ended"
    return process.exitcode


@dataclass(frozen=True, slots=True)
class Typed:
    """A command in a session of its own, as in a terminal of its own."""

    process: ForkServerProcess
    folder: Path

    def interrupt(self) -> None:
        """Sends Ctrl-C to all processes that the command has started, as a terminal does."""
        assert self.process.pid is not None
        os.killpg(self.process.pid, signal.SIGINT)

    def code(self) -> int | None:
        return exit_code(self.process)

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()


def typed(
    arguments: Sequence[str],
    out: Path,
    *,
    largest_file: int | None = None,
    fault: Callable[[], None] | None = None,
) -> Typed:
    """Starts ``harness ARGUMENTS --out OUT`` in the folder that contains ``out``.

    ``largest_file`` limits the size of files, as if the disk were nearly full. ``fault`` is called in the process of
    the command, before the command.
    """
    folder = out.parent / f"typed-{len(list(out.parent.glob('typed-*')))}"
    folder.mkdir(parents=True)
    process = FORKS.Process(target=_type, args=([*arguments, "--out", str(out)], folder, largest_file, fault))
    process.start()
    return Typed(process, folder)


def _type(arguments: list[str], folder: Path, largest_file: int | None, fault: Callable[[], None] | None) -> None:
    import resource

    from harness.cli import app

    os.setsid()
    # The fork server may have been started by workers of this test process, and those start with Ctrl-C held back.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    os.chdir(folder.parent)
    for name, stream in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    if fault is not None:
        fault()
    sys.argv = ["harness", *arguments]
    app(arguments)
