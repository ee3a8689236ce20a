"""What reports cost as runs become many: ``harness leaderboard`` and ``harness compare``, from journals and MLflow.

    python benchmarks/reports.py [--runs 10,30,100,300,1000] [--from-mlflow] [--out FILE.md]

The runs are those of :mod:`synthetic_runs`, in a folder that is removed afterwards: the journals and tables that the
training loop writes for 80 steps of tiny-arithmetic, five objectives, as many seeds as it takes. The commands are the
real ones, each in a process of its own, on one thread. ``--from-mlflow`` publishes the runs to a fresh SQLite store
(``sync``), publishes them again when nothing is left to publish (``sync again``), and reports from there as well.
Growth: the exponent between the two largest numbers of runs; 1 is linear.
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

SUITE = "tiny-arithmetic"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One command at one number of runs."""

    command: str
    runs: int
    seconds: float
    mebibytes: float
    """Its largest resident memory."""


def timed(name: str, runs: int, command: list[str]) -> Timing:
    """
    Raises:
        SystemExit: the command failed; what it said.
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
    """In another process: what this one has ever held, the kernel counts as held by the commands it starts."""
    from synthetic_runs import add_runs

    add_runs(root, first, last)


def measure(sizes: list[int], root: Path, maker: ProcessPoolExecutor, *, from_mlflow: bool) -> Iterator[Timing]:
    """All commands at each number of runs, from few to many."""
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
    """Of one command, sizes rising."""
    if len(timings) < 2:
        return "–"
    less, more = timings[-2:]
    return f"{math.log(more.seconds / less.seconds) / math.log(more.runs / less.runs):.2f}"


def tables(timings: list[Timing]) -> str:
    """As Markdown, a table a command."""
    lines = []
    for command in dict.fromkeys(timing.command for timing in timings):
        own = [timing for timing in timings if timing.command == command]
        lines += [f"`{command}`, growth {growth(own)}:", ""]
        lines += ["| runs | seconds | ms a run | peak MiB |", "| ---: | ---: | ---: | ---: |"]
        lines += [f"| {t.runs} | {t.seconds:.1f} | {1000 * t.seconds / t.runs:.0f} | {t.mebibytes:.0f} |" for t in own]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="10,30,100,300,1000")
    parser.add_argument("--from-mlflow", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sizes = sorted(map(int, given.runs.split(",")))
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as maker:
        written = tables(list(measure(sizes, Path(folder), maker, from_mlflow=given.from_mlflow)))
    print(written)
    if given.out:
        given.out.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
