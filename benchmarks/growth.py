"""Measures how the time and memory of a step grow with the completions, their length, and the size of the model.

    python benchmarks/growth.py [--steps 6] [--threads 1] [--out results/speed/growth.md]

The steps are GRPO steps with a reference. The models have random weights and never end a completion, so every
completion has the full length. Each point is a process of its own: the median seconds of its steps without the first
two, and its peak memory. The exponent is computed from the last two points; 1 is linear.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from synthetic_runs import NOBODY
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from benchmarks.page import Page, spread, takes_out
from harness.config.arms import run_config
from harness.config.suites import load_suite
from harness.models.loading import locate
from harness.records.events import Start, Step
from harness.records.journal import Journal
from harness.training.loop import train

WARM_UP = 2
PROMPTS, GROUP, TOKENS, WIDTH, LAYERS = 16, 8, 32, 96, 3
AXES = {
    "completions per step": ("prompts", [4, 8, 16, 32, 64, 128]),
    "tokens per completion": ("tokens", [16, 32, 64, 128, 256]),
    "width of the model": ("width", [96, 192, 384, 768]),
    "layers of the model": ("layers", [3, 6, 12, 24]),
}
Point = dict[str, Any]
"""One size: ``seconds`` of each step, ``memory`` in GiB, ``parameters``."""
HEADERS = ("completions", "tokens each", "parameters", "seconds a step", "peak memory, GiB")


def point(steps: int, threads: int, prompts: int, tokens: int, width: int, layers: int) -> Point:
    """Makes a run of this size in this process. Returns its steps, its peak memory, and its parameters."""
    with tempfile.TemporaryDirectory() as folder:
        parameters = endless_model(Path(folder) / "model", width, layers)
        suite = load_suite(
            "tiny-arithmetic",
            [
                ("model.path", str(Path(folder) / "model")),
                ("rollout.prompts", prompts),
                ("rollout.group_size", GROUP),
                ("rollout.max_tokens", tokens),
                ("budget", {"unit": "optimizer_steps", "total": steps + WARM_UP}),
                ("evaluation", {"shares": [0], "test_problems": 1, "validation_problems": 1}),
                ("compute.threads", threads),
            ],
        )
        train(run_config(suite, "grpo", 0), Path(folder) / "run", NOBODY)
        events = [event for event in Journal(Path(folder) / "run").read() if not isinstance(event, Start)]
    marks = events[1:]  # the first of these is the last event before the first step
    seconds = [b.ledger.seconds - a.ledger.seconds for a, b in pairwise(marks) if isinstance(b, Step)]
    assert len(seconds) == steps + WARM_UP
    sampled = marks[-1].ledger.sampled_tokens
    assert sampled == len(seconds) * prompts * GROUP * tokens, f"{sampled} tokens: something ended a completion"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds[WARM_UP:], "memory": memory, "parameters": parameters}


def endless_model(directory: Path, width: int, layers: int) -> int:
    """Saves a random model without an end-of-sequence token. Returns the number of its parameters."""
    source, _ = locate("embedded:tiny-arithmetic")
    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.eos_token = None
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(shape)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return sum(parameter.numel() for parameter in model.parameters())


def measured(steps: int, threads: int, size: dict[str, int]) -> Point:
    """:func:`point` in a process of its own."""
    command = [sys.executable, __file__, "--steps", str(steps), "--threads", str(threads), "--point", json.dumps(size)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: Point = json.loads(done.stdout.splitlines()[-1])
    return found


def rows_of(sizes: list[dict[str, int]], found: list[Point], key: str) -> list[list[str]]:
    """One row per point, and a row with the exponents of the last two points.

    For the width and the layers, the exponents are those of the number of parameters.
    """
    rows = [
        [
            f"{size['prompts'] * GROUP:,}",
            f"{size['tokens']:,}",
            f"{one['parameters']:,.0f}",
            spread(one["seconds"], 3),
            f"{one['memory']:.2f}",
        ]
        for size, one in zip(sizes, found, strict=True)
    ]
    against = [one["parameters"] for one in found] if key in ("width", "layers") else [size[key] for size in sizes]
    grown = math.log(against[-1] / against[-2])
    ends = [(statistics.median(one["seconds"]), one["memory"]) for one in found[-2:]]
    exponents = [f"{math.log(more / less) / grown:.2f}" for less, more in zip(*ends, strict=True)]
    return [*rows, ["exponent", "", "", *exponents]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    takes_out(parser)
    parser.add_argument("--point", type=json.loads, help="measure one size, given as JSON; each point calls this")
    options = parser.parse_args()
    if options.point:
        print(json.dumps(point(options.steps, options.threads, **options.point)))
        return
    threads = "one thread" if options.threads == 1 else f"{options.threads} threads"
    page = Page(
        "Scaling of a step",
        f"GRPO steps with a reference, with {threads} in float32. The models have random weights and never end a "
        "completion. The table shows medians and ranges of the steps. The exponent is computed from the last two "
        "points; 1 is linear. For the length it is above 1, because in attention every token attends to all earlier "
        "tokens.",
    )
    usual = {"prompts": PROMPTS, "tokens": TOKENS, "width": WIDTH, "layers": LAYERS}
    for axis, (key, values) in AXES.items():
        sizes = [usual | {key: value} for value in values]
        found = [measured(options.steps, options.threads, size) for size in track(sizes, axis)]
        page.section(axis)
        page.table(HEADERS, rows_of(sizes, found, key))
    page.end(options.out)


if __name__ == "__main__":
    main()
