"""What a machine with a GPU makes of the harness: engines, weight sync, throughput, and one short matched run.

    make gpu-check MODEL=SmolLM2-135M-Instruct DATA=gsm8k/        # or: python benchmarks/gpu_check.py --model ...

Needs no network where model and data are local paths, and no vLLM: without it the transformers engine is checked alone.
Prints the table and writes it to results/gpu/<device>.md. Any check that fails ends in exit code 1.
"""

import argparse
import json
import multiprocessing
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import torch
from engines import Row, agreement, endless, engines_of, measure
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from harness.config.settings import ModelSettings
from harness.models.loading import load_policy
from harness.records.events import End, Evaluation, Event, Step
from harness.records.journal import Journal
from harness.records.provenance import versions, vllm_version
from harness.records.results import start_of


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


def check_engines(options: argparse.Namespace, names: list[str]) -> list[Row]:
    """Agreement and sampling rate of each engine."""
    settings = ModelSettings(path=options.model, device=options.device, dtype=options.dtype)
    policy = endless(load_policy(settings, 1.0))
    rows: list[Row] = []
    context = 64 + options.tokens
    engines = engines_of(policy, names, context, options.requests)
    for name, rates in measure(policy, engines, options.requests, options.tokens, rounds=2).items():
        middle = statistics.median(rates.tokens_a_second)
        what = f"{name}: sampling, {options.requests} requests of {options.tokens} tokens"
        rows.append((what, f"{middle:,.0f} tokens/s", None))
    for name, engine in engines.items():
        rows += agreement(name, engine, policy)
    return rows


def matched_run(options: argparse.Namespace) -> list[Row]:
    """``harness run --algos agro,grpo`` in processes of its own, and what its journals say."""
    completions = options.steps * options.prompts * options.group
    settings: dict[str, Any] = {
        "rollout.prompts": options.prompts,
        "rollout.group_size": options.group,
        "evaluation": {
            "shares": [0, 1],
            "validation_problems": 16,
            "test_problems": options.problems,
            "test_samples": 1,
        },
        "optimizer.warmup_steps": 2,
        "model.device": options.device,
        "model.dtype": options.dtype,
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "harness.cli", "run", "--suite", options.suite, "--algos", "agro,grpo"]
        command += ["--seeds", "1", "--workers", "1", "--out", folder, "--model", options.model]
        command += ["--budget", f"completions={completions}", "--engine", options.engine]
        command += ["--data", options.data] if options.data else []
        command += [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
        monitor = Monitor()
        monitor.start()
        subprocess.run(command, check=True)
        rows = monitor.rows()
        for run in sorted(Path(folder).glob("*/runs/*")):
            rows += of_journal(Journal(run).read())
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    parser.add_argument("--data", help="local data of the suite's task")
    parser.add_argument("--suite", default="smollm2-gsm8k")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu tries the script itself")
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--engine", default="auto", help="of the matched run")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("gpu_check: torch sees no GPU here; --device cpu tries the script itself")
    vllm = vllm_version(options.device)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # its memory goes with it
        rows = pool.submit(check_engines, options, ["transformers", *(["vllm"] if vllm else [])]).result()
    rows += matched_run(options)
    device = torch.cuda.get_device_name() if options.device == "cuda" else platform.machine()
    table = Table("check", "figure", "as it must be", box=MARKDOWN)
    for what, figure, good in rows:
        table.add_row(what, figure, {True: "yes", False: "NO", None: ""}[good])
    found = versions()
    known = (
        ", ".join(f"{key} {found[key]}" for key in ("torch", "transformers", "commit")) + f", vllm {vllm or 'absent'}"
    )
    told = f"{date.today()}, {device}: {options.suite}, {Path(options.model).name}, {options.dtype}; {known}."
    Console(width=120).print(told, table, soft_wrap=True)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{re.sub(r'[^a-z0-9]+', '-', device.lower()).strip('-')}.md"
    with path.open("w", encoding="utf-8") as file:
        Console(file=file, width=120).print(f"# {device}\n\n{told}\n", table, soft_wrap=True)
    print(f"written to {path}")
    sys.exit(any(good is False for _, _, good in rows))


if __name__ == "__main__":
    main()
