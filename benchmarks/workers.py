"""Measures a sweep with one worker and with two, and checks that the runs are identical.

    python benchmarks/workers.py [--algos agro,grpo] [--seeds 3] [--completions 5120] [--workers 1,2] [--rounds 2]
        [--out FILE.md]

Each measurement is a complete ``harness run`` of tiny-arithmetic into a new folder, which is removed afterwards. The
numbers of workers alternate. Identical means: journals are equal except for ``clock`` and ``origin``, and tables of
completions and final weights are equal byte for byte.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from hashlib import sha256
from pathlib import Path

from benchmarks.page import Page, spread, takes_out
from harness.records.events import lasting
from harness.records.journal import Journal
from harness.records.out_dir import OutDir


def run(command: list[str], workers: int, out: Path) -> float:
    """The seconds of a sweep.

    Raises:
        SystemExit: The sweep failed; the message is its output.
    """
    started = time.perf_counter()
    done = subprocess.run([*command, "--workers", str(workers), "--out", str(out)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def results_of(out: Path) -> dict[str, object]:
    """What must be identical, by name: the records of each run, and the hashes of its tables and weights."""
    found: dict[str, object] = {}
    for path in OutDir(out).runs():
        found[path.name] = [lasting(record) for record in Journal(path).read()]
        for file in (*path.glob("evaluations/*.parquet"), *path.glob("final/*.safetensors")):
            found[f"{path.name}/{file.name}"] = sha256(file.read_bytes()).hexdigest()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algos", default="agro,grpo")
    parser.add_argument("--seeds", default="3")
    parser.add_argument("--completions", type=int, default=5120)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rounds", type=int, default=2)
    takes_out(parser)
    given = parser.parse_args()
    command = [sys.executable, "-m", "harness.cli", "run", "--algos", given.algos, "--seeds", given.seeds]
    command += ["--budget", f"completions={given.completions}"]
    page = Page(
        "Parallel runs",
        f"The time of a complete `harness run` of `tiny-arithmetic` with {given.algos}, {given.seeds} seeds, and "
        f"{given.completions:,} completions a run: the median and range of {given.rounds} rounds. Each run has one "
        "thread.",
    )
    counts = [int(count) for count in given.workers.split(",")]
    seconds: dict[int, list[float]] = defaultdict(list)
    first: dict[str, object] = {}
    for _ in range(given.rounds):
        for workers in counts:
            with tempfile.TemporaryDirectory() as folder:
                seconds[workers].append(run(command, workers, Path(folder)))
                found = results_of(Path(folder))
            print(f"{workers} workers: {seconds[workers][-1]:.1f} s", file=sys.stderr)
            first = first or found
            if differing := sorted(key for key in first.keys() | found.keys() if first.get(key) != found.get(key)):
                raise SystemExit(f"with {workers} workers, these results differ: {', '.join(differing)}")
    medians = {workers: statistics.median(times) for workers, times in seconds.items()}
    page.table(
        ("workers", "seconds", f"relative to {counts[0]}"),
        [
            [str(workers), spread(seconds[workers], 1), f"{median / medians[counts[0]]:.2f}"]
            for workers, median in medians.items()
        ],
        texts=0,
    )
    page.say(f"{len(first)} journals, tables and weights are identical.")
    page.end(given.out)


if __name__ == "__main__":
    main()
