"""Measures the cost of reports for many runs: ``harness leaderboard`` and ``harness compare``.

    python benchmarks/reports.py [--runs 10,30,100,300,1000] [--from-mlflow] [--out FILE.md]

The runs come from :mod:`synthetic_runs`. They have the journals and tables that the training loop writes for 80 steps
of tiny-arithmetic, with five objectives and enough seeds. Their folder is removed afterwards. Each command is a
separate process with one thread. With ``--from-mlflow``, the runs are published to a new SQLite store (``sync``),
published again when there is nothing left to publish (``sync again``), and the reports are also made from this store.
Growth is the exponent between the two largest numbers of runs; 1 is linear.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.page import Page, takes_out

SUITE = "tiny-arithmetic"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One command with one number of runs."""

    command: str
    runs: int
    seconds: float
    mebibytes: float
    """The peak resident memory of the command."""


def timed(name: str, runs: int, command: list[str]) -> Timing:
    """Runs the command and measures it.

    Raises:
        SystemExit: The command failed; the message is its output.
    """
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        environment = os.environ | dict.fromkeys(THREADS, "1")
        child = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        if code := os.waitstatus_to_exitcode(status):
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {code}:\n{said.read().decode()}")
    made = Timing(command=name, runs=runs, seconds=seconds, mebibytes=usage.ru_maxrss / 1024)
    print(f"{name}, {runs} runs: {seconds:.1f} s, {made.mebibytes:.0f} MiB", file=sys.stderr)
    return made


def add_runs(root: Path, first: int, last: int) -> None:
    """Writes runs ``first`` to ``last``. Call this in another process.

    The kernel counts the peak memory of this process as that of the commands that it starts.
    """
    from synthetic_runs import add_runs

    add_runs(root, first, last)


def measure(sizes: list[int], root: Path, maker: ProcessPoolExecutor, *, from_mlflow: bool) -> Iterator[Timing]:
    """Runs all commands with each number of runs, from few to many."""
    made = 0
    for runs in sizes:
        maker.submit(add_runs, root, made, runs).result()
        made = runs
        reports = {"leaderboard": ["leaderboard", "--suite", SUITE], "compare": ["compare", "agro", "grpo"]}
        commands = dict(reports)
        if from_mlflow:
            uri = f"sqlite:///{root}/{runs}.db"
            sync = ["sync", "--tracking-uri", uri]
            commands |= {"sync": sync, "sync again": sync}
            commands |= {f"{name} --from mlflow": [*given, "--from", uri] for name, given in reports.items()}
        for name, given in commands.items():
            yield timed(name, runs, [sys.executable, "-m", "harness.cli", *given, "--out", str(root)])


def growth(timings: list[Timing]) -> str:
    """The exponent of one command between the two largest sizes. The timings are in order of size."""
    if len(timings) < 2:
        return "–"
    less, more = timings[-2:]
    return f"{math.log(more.seconds / less.seconds) / math.log(more.runs / less.runs):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="10,30,100,300,1000")
    parser.add_argument("--from-mlflow", action="store_true")
    takes_out(parser)
    given = parser.parse_args()
    page = Page(
        "Cost of reports for many runs",
        f"The runs are like those of `{SUITE}`, with 80 steps and five objectives. Each command is a separate process, "
        "with one thread. Growth is the exponent between the two largest numbers of runs; 1 is linear.",
    )
    if given.from_mlflow:
        page.say("The time of the first `sync` is spent in MLflow; normally this happens during training.")
    sizes = sorted(map(int, given.runs.split(",")))
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as maker:
        timings = list(measure(sizes, Path(folder), maker, from_mlflow=given.from_mlflow))
    for command in dict.fromkeys(timing.command for timing in timings):
        own = [timing for timing in timings if timing.command == command]
        page.section(f"{command}, growth {growth(own)}")
        rows = [
            [f"{t.runs:,}", f"{t.seconds:.1f}", f"{1000 * t.seconds / t.runs:.0f}", f"{t.mebibytes:.0f}"] for t in own
        ]
        page.table(("runs", "seconds", "ms a run", "peak MiB"), rows, texts=0)
    page.end(given.out)


if __name__ == "__main__":
    main()
