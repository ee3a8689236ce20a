"""The part of gpu_check that trains: one short matched run; two runs at once; one run on several devices."""

import argparse
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from engines import Row
from one_run import begin, places

from harness.config.run_config import RunConfig
from harness.launch.plan import Plan, plan
from harness.records.events import End, Evaluation, Event, Step
from harness.records.journal import Journal
from harness.records.results import start_of

ARMS = ("agro", "grpo")
GANG = 2
"""Processes of one run, where there are as many devices."""
SHORT = 4
"""Runs that only have to work take a part of the steps of the matched one."""


class Monitor(threading.Thread):
    """Largest memory and mean utilisation of the GPU while it runs, as nvidia-smi tells them."""

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
    """How many there are to try; two processes on the cores of a CPU stand in for two devices."""
    return torch.cuda.device_count() if options.device == "cuda" else GANG


def planned(options: argparse.Namespace, steps: int, **more: Any) -> Plan:
    """Both arms at one seed; ``more``: settings, with ``__`` for dots."""
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
        "budget": {"unit": "completions", "total": steps * options.prompts * options.group},
    }
    settings |= {"task.data": options.data} if options.data else {}
    settings |= {key.replace("__", "."): value for key, value in more.items()}
    return plan(options.suite, list(settings.items()), ARMS, [0])


def matched_run(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Both arms, one after the other, and what their journals say."""
    found = planned(options, options.steps)
    monitor = Monitor()
    monitor.start()
    for config in found.runs:
        _done([(config, folder / "matched" / config.run_id)], found, options)
    rows = monitor.rows()
    for config in found.runs:
        rows += of_journal(Journal(folder / "matched" / config.run_id).read())
    return rows


def of_journal(events: list[Event]) -> list[Row]:
    """Learning and throughput of one run."""
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
        (f"{name}: sync", f"{spent.seconds_sync / len(steps):.2f} s a step", None),
        (f"{name}: engine against trainer", f"{statistics.mean(gaps):.2g} nats a token", None),
    ]


def two_at_once(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Two runs on two devices, against the same two one after the other."""
    what, count = "two runs at once, and one by one", devices_of(options)
    if count < 2:
        return [(what, f"skipped: {count} GPU here", None)]
    found = planned(options, max(1, options.steps // SHORT))
    one_by_one = sum(_done([(config, folder / "by-one" / config.run_id)], found, options)[0] for config in found.runs)
    seconds, ended = _done([(config, folder / "at-once" / config.run_id) for config in found.runs], found, options)
    faster = seconds < one_by_one if options.device == "cuda" else True
    return [(what, f"{seconds:.1f} s, {one_by_one:.1f} s", ended and faster)]


def gangs(options: argparse.Namespace, folder: Path) -> list[Row]:
    """One run on two devices, in both ways; on one GPU a gang of one. Against the same run by itself."""
    size, rows = min(GANG, devices_of(options)), []
    steps = max(1, options.steps // SHORT)
    plain = planned(options, steps)
    seconds, _ = _done([(plain.runs[0], folder / "alone")], plain, options)
    alone = _first_reward(folder / "alone")
    for parallel in ("replicate", "shard"):
        what = f"gang of {size}, {parallel}"
        if size == 1 and parallel == "shard":
            rows.append((f"gang of {GANG}, {parallel}", "skipped: 1 GPU here, and nothing is cut for one", None))
            continue
        found = planned(options, steps, compute__devices=size, compute__parallel=parallel)
        directory = folder / f"gang-{parallel}"
        took, ended = _gang(found.runs[0], directory, found, size, options)
        rows.append((f"{what}: seconds, and alone", f"{took:.1f} s, {seconds:.1f} s", ended))
        if ended:
            reward = _first_reward(directory)
            rows.append((f"{what}: reward of the first step, and alone", f"{reward:.4f}, {alone:.4f}", None))
    return rows


def _first_reward(directory: Path) -> float:
    step = next(event for event in Journal(directory).read() if isinstance(event, Step))
    return step.metrics["train/reward_mean"] or 0.0


def _done(runs: Sequence[tuple[RunConfig, Path]], found: Plan, options: argparse.Namespace) -> tuple[float, bool]:
    """Seconds until all have ended that were begun together, a device each; and whether all finished."""
    started = time.perf_counter()
    where = places(options.device, len(runs))
    processes = [
        process
        for (config, directory), place in zip(runs, where, strict=True)
        for process in begin(config, found.invocation, directory, [place])
    ]
    codes = [process.wait() for process in processes]
    return time.perf_counter() - started, not any(codes)


def _gang(
    config: RunConfig, directory: Path, found: Plan, size: int, options: argparse.Namespace
) -> tuple[float, bool]:
    """As :func:`_done`, of one run. A rank that fails ends the others."""
    started = time.perf_counter()
    processes = begin(config, found.invocation, directory, places(options.device, size), gang=True)
    while any(process.poll() is None for process in processes) and not any(process.poll() for process in processes):
        time.sleep(0.2)
    failed = any(process.poll() for process in processes)
    for process in processes:
        if failed:
            process.kill()
        process.wait()
    return time.perf_counter() - started, not failed
