"""Measures what the command costs while its runs run: its CPU time with 10, 100 and 1,000 waiting runs.

    python benchmarks/driver.py [--waiting 10,100,1000] [--seconds 30] [--devices 8] [--rounds 3]
        [--no-mlflow] [--out FILE.md]

Nothing is trained: instead of a run, a worker writes one step per second into its journal. The rest is what the command
does: the executor, bars on a terminal, and publishing to SQLite. The CPU time is that of all threads of this process,
without the workers. Measuring begins when every device has its run.
"""

import argparse
import io
import json
import multiprocessing
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from synthetic_runs import NOBODY, Template

from benchmarks.page import Page, spread, takes_out
from harness.config.run_config import RunConfig
from harness.launch.bars import Display
from harness.launch.devices import cpu_slots
from harness.launch.executors.executor import RunRequest, Terms
from harness.launch.executors.local import LocalExecutor
from harness.launch.executors.worker import asked_to_stop
from harness.launch.interrupts import Interrupts
from harness.launch.syncing import Syncing
from harness.records.claims import claimed
from harness.records.events import Start, Step, encode
from harness.records.journal import JOURNAL
from harness.records.locks import locked
from harness.records.out_dir import OutDir
from harness.terminal import Terminal
from harness.training.loop import Outcome

TEMPLATE = "template.json"


def pretend(request: RunRequest, terms: Terms) -> Outcome:
    """A run that writes one step per second until it is stopped."""
    start, step = json.loads((request.directory.parents[2] / TEMPLATE).read_text())
    with locked(request.directory), (request.directory / JOURNAL).open("a", buffering=1) as file:
        file.write(json.dumps(start | {"run_id": request.config.run_id, "seed": request.config.seed}) + "\n")
        while not asked_to_stop():
            time.sleep(1)
            file.write(json.dumps(step) + "\n")
    return "interrupted"


def measured(config: RunConfig, waiting: int, devices: int, seconds: float, *, mlflow: bool) -> float:
    """CPU seconds per second of this process while ``devices`` runs run and ``waiting`` runs wait."""
    with tempfile.TemporaryDirectory() as folder:
        out_dir = OutDir(Path(folder))
        out_dir.prepare()
        template = Template.trained()
        start: Start = replace(template.start, origin=replace(template.start.origin, invocation=NOBODY))
        step: Step = template.step
        (out_dir.root / TEMPLATE).write_text(json.dumps([encode(start), encode(step)]))
        configs = [config.model_copy(update={"seed": seed}) for seed in range(waiting + devices)]
        runs = [(one, out_dir.run_of(one)) for one in configs]
        console = Terminal(file=io.StringIO(), width=200, force_terminal=True)
        publishing = Syncing(
            out_dir.tracking_uri, out_dir, config.suite, [path for _, path in runs], NOBODY, warn=print
        )
        # Processes that start quickly, because their imports are not to be measured.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["harness.launch.carry_out"])
        executor = LocalExecutor(cpu_slots(devices), work=pretend, context=context)
        interrupts = Interrupts()
        marks: list[tuple[float, float]] = []

        def watch() -> None:
            display.refresh(executor.running())
            now = time.monotonic()
            begun = all((path / JOURNAL).is_file() for _, path in runs[:devices])
            if begun and (not marks or now >= settled) and len(marks) < 2:
                marks.append((now, time.process_time()))
            if len(marks) == 2 and now > marks[1][0] + seconds:
                marks.append((now, time.process_time()))
                interrupts.asked = True

        settled = time.monotonic() + 20  # until then, MLflow imports its modules and creates its tables
        with (
            claimed(out_dir.suite(config.suite), [one.run_id for one in configs], "driver"),
            Display(console, runs) as display,
        ):
            if mlflow:
                publishing.start()
            requests = [RunRequest(config=one, directory=path) for one, path in runs]
            list(executor.run(requests, Terms(invocation=NOBODY), interrupts, watch))
        executor.close()
        if mlflow:
            publishing.finish()
        (began, before), (ended, after) = marks[1], marks[2]
        return (after - before) / (ended - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", default="10,100,1000")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-mlflow", dest="mlflow", action="store_false")
    takes_out(parser)
    given = parser.parse_args()
    config = Template.trained().start.config
    publishing = ", publishes to SQLite" if given.mlflow else ""
    page = Page(
        "What the command costs while its runs run",
        f"{given.devices} runs at a time, each of which writes a step a second. The command draws bars on a terminal"
        f"{publishing} and waits. The share is of one core, for the process of the command alone: the median and range "
        f"of {given.rounds} rounds of {given.seconds:g} s.",
    )
    rows = []
    for waiting in map(int, given.waiting.split(",")):
        shares = [
            100 * measured(config, waiting, given.devices, given.seconds, mlflow=given.mlflow)
            for _ in range(given.rounds)
        ]
        rows.append([f"{waiting:,}", spread(shares, 1)])
        print(*rows[-1], file=sys.stderr)
    page.table(("waiting runs", "share of a core, %"), rows, texts=0)
    page.end(given.out)


if __name__ == "__main__":
    main()
