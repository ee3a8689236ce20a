"""The part of gpu_check that trains: a short matched run, two runs at once, and one run on several devices."""

import argparse
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
from engines import Row
from one_run import begin, places

from harness.launch.gang import MeetingPoint
from harness.launch.plan import Plan, plan
from harness.records.events import End, Evaluation, Event, Step
from harness.records.journal import Journal
from harness.records.results import start_of

ARMS = ("agro", "grpo")
GANG = 2
"""The number of processes of one run, if there are as many devices."""
MATCHED = "matched"


class Monitor(threading.Thread):
    """Reads the memory and utilisation of the GPU from nvidia-smi while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, float]] = []
        self.done = threading.Event()

    def run(self) -> None:
        query = ["nvidia-smi", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]
        while torch.cuda.is_available() and not self.done.wait(0.5):
            line = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]
            memory, load = map(float, line.split(","))
            self.seen.append((memory / 1024, load))

    def rows(self) -> list[Row]:
        self.done.set()
        self.join()
        if not self.seen:
            return [("peak memory, utilisation", "no GPU", None)]
        memory, load = zip(*self.seen, strict=True)
        return [
            ("peak memory of the run", f"{max(memory):.1f} GiB", None),
            ("mean utilisation of the run", f"{statistics.mean(load):.0f} %", None),
        ]


def devices_of(options: argparse.Namespace) -> int:
    """The number of devices to try. On a CPU, two processes on its cores take the place of two devices."""
    return torch.cuda.device_count() if options.device == "cuda" else GANG


def planned(options: argparse.Namespace, **more: Any) -> Plan:
    """Both arms with one seed. ``more`` are settings, with ``__`` in place of dots."""
    completions = options.steps * options.prompts * options.group
    settings: dict[str, Any] = {
        "model.path": options.model,
        "model.device": options.device,
        "model.dtype": options.dtype,
        "compute.engine": options.engine,
        "rollout.prompts": options.prompts,
        "rollout.group_size": options.group,
        "evaluation.shares": [0, 1],
        "evaluation.validation_problems": 16,
        "evaluation.test_problems": options.problems,
        "evaluation.test_samples": 1,
        "optimizer.warmup_steps": 2,
        "budget": {"unit": "completions", "total": completions},
    }
    settings |= {"task.data": options.data} if options.data else {}
    settings |= {key.replace("__", "."): value for key, value in more.items()}
    return plan(options.suite, list(settings.items()), ARMS, [0])


def matched_runs(options: argparse.Namespace, folder: Path) -> tuple[list[Row], list[float]]:
    """Runs both arms, one after the other. Returns the rows of their journals, and the seconds of each run."""
    found = planned(options)
    monitor = Monitor()
    monitor.start()
    directories = [folder / MATCHED / config.objective.name for config in found.runs]
    seconds = []
    for config, directory in zip(found.runs, directories, strict=True):
        took, ended = _together([begin(config, found.invocation, directory, places(options.device, 1))])
        if not ended:
            raise SystemExit(f"gpu_check: the run of {config.objective.name} did not reach its end")
        seconds.append(took)
    rows = monitor.rows()
    for directory in directories:
        rows += of_journal(Journal(directory).read())
    return rows, seconds


def of_journal(events: list[Event]) -> list[Row]:
    """The learning and throughput of one run."""
    steps = [event for event in events if isinstance(event, Step)]
    tests = [event.summary for event in events if isinstance(event, Evaluation) and event.split == "test"]
    name, (end,) = start_of(events).config.objective.name, [event for event in events if isinstance(event, End)]
    quarter = max(1, len(steps) // 4)
    first, last = (
        statistics.mean(step.metrics["train/reward_mean"] or 0.0 for step in part)
        for part in (steps[:quarter], steps[-quarter:])
    )
    spent = end.ledger
    gaps = [step.metrics["engine/logp_gap_mean"] or 0.0 for step in steps]
    return [
        (f"{name}: reward, first and last quarter of {len(steps)} steps", f"{first:.3f} -> {last:.3f}", last > first),
        (f"{name}: test accuracy", f"{tests[0].accuracy:.1%} -> {tests[-1].accuracy:.1%}", None),
        (f"{name}: sampling", f"{spent.sampled_tokens / spent.seconds_sampling:,.0f} tokens/s", None),
        (f"{name}: training", f"{spent.trained_tokens / spent.seconds_training:,.0f} tokens/s", None),
        (f"{name}: model FLOPs", f"{spent.flops / spent.seconds / 1e12:.2f} TFLOP/s", None),
        (f"{name}: sync", f"{spent.seconds_sync / len(steps):.2f} s per step", None),
        (f"{name}: engine against trainer", f"{statistics.mean(gaps):.2g} nats per token", None),
    ]


def two_at_once(options: argparse.Namespace, folder: Path, seconds: list[float]) -> list[Row]:
    """Runs both arms at once on two devices. ``seconds`` are the times of each run alone."""
    what, count = "two runs at once, and one by one", devices_of(options)
    if count < 2:
        return [(what, f"skipped: {count} GPU here", None)]
    found = planned(options)
    runs = zip(found.runs, places(options.device, 2), strict=True)
    took, ended = _together(
        [begin(config, found.invocation, folder / "at-once" / config.objective.name, [place]) for config, place in runs]
    )
    faster = took < sum(seconds) or options.device == "cpu"
    return [(what, f"{took:.1f} s, {sum(seconds):.1f} s", ended and faster)]


def gangs(options: argparse.Namespace, folder: Path, seconds: list[float]) -> list[Row]:
    """Runs the first arm on two devices, in both ways. On one GPU, it is a gang of one process.

    ``seconds`` are the times of each run alone.
    """
    size, alone = min(GANG, devices_of(options)), _first_reward(folder / MATCHED / ARMS[0])
    rows: list[Row] = []
    for parallel in ("replicate", "shard"):
        if size < GANG and parallel == "shard":
            rows.append((f"gang of {GANG}, {parallel}", f"skipped: {size} GPU here", None))
            continue
        what, directory = f"gang of {size}, {parallel}", folder / f"gang-{parallel}"
        found = planned(options, compute__devices=size, compute__parallel=parallel)
        point = MeetingPoint(size)
        where = [place | rank for place, rank in zip(places(options.device, size), point.environments, strict=True)]
        took, ended = _together([begin(found.runs[0], found.invocation, directory, where)])
        rows.append((f"{what}: seconds, and alone", f"{took:.1f} s, {seconds[0]:.1f} s", ended))
        if ended:
            rewards = f"{_first_reward(directory):.4f}, {alone:.4f}"
            rows.append((f"{what}: reward of the first step, and alone", rewards, None))
    return rows


def _first_reward(directory: Path) -> float:
    step = next(event for event in Journal(directory).read() if isinstance(event, Step))
    return step.metrics["train/reward_mean"] or 0.0


def _together(begun: Sequence[list[ForkServerProcess]]) -> tuple[float, bool]:
    """Waits for all processes of these runs. If one fails, all others are killed.

    Returns:
        The seconds until all have ended, and whether all finished.
    """
    started = time.perf_counter()
    processes = [process for run in begun for process in run]
    while any(process.is_alive() for process in processes) and not any(process.exitcode for process in processes):
        wait([process.sentinel for process in processes if process.is_alive()])
    failed = any(process.exitcode for process in processes)
    for process in processes:
        if failed:
            process.kill()
        process.join()
    return time.perf_counter() - started, not failed
