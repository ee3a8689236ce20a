"""Checks the harness on a machine with GPUs: engines, weight synchronisation, training passes, throughput, and short
runs.

    make gpu-check                                            # or: PYTHONPATH=. python benchmarks/gpu_check.py
    make gpu-check MODEL=SmolLM2-135M-Instruct DATA=gsm8k/    # with your own model and problems

The check runs from a plain checkout, without network, vLLM and MLflow. It needs torch, transformers and the few
packages that ``make wheelhouse`` collects. Without vLLM, it checks only the transformers engine. On a machine with one
device, it skips the checks that need two. It prints the table and writes it to results/gpu/<device>.md. If a check
fails, the exit code is 1.
"""

import argparse
import platform
import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import torch
from engines import Row, agreement, endless, engines_of, measure
from gpu_runs import gangs, matched_runs, two_at_once
from layouts import check_layouts
from one_run import FORKS

from harness.config.settings import ModelSettings
from harness.models.loading import load_policy
from harness.records.provenance import versions, vllm_version

EMBEDDED = "embedded:tiny-arithmetic"


def check_engines(options: argparse.Namespace, names: list[str]) -> list[Row]:
    """The sampling rate of each engine, whether it agrees with the trainer, and whether attention is sound."""
    settings = ModelSettings(path=options.model, device=options.device, dtype=options.dtype)
    policy = endless(load_policy(settings, 1.0))
    rows: list[Row] = []
    context = 64 + options.tokens
    engines = engines_of(policy, names, context, options.requests)
    for name, rates in measure(policy, engines, options.requests, options.tokens, rounds=2).items():
        middle = statistics.median(rates.tokens_a_second)
        what = f"{name}: sampling after a sync, {options.requests} requests of {options.tokens} tokens"
        rows.append((what, f"{middle:,.0f} tokens/s", None))
    for name, engine in engines.items():
        rows += agreement(name, engine, policy)
    return [*rows, low_scores(policy.device)]


def low_scores(device: torch.device) -> Row:
    """Whether masked attention has a finite gradient if all scores of a query are very low, as in a head of Qwen2.5.

    The kernels are those that a loaded policy uses. See https://github.com/pytorch/pytorch/issues/196678.
    """
    tokens, width = 192, 64  # the fault needs a remainder of 64 after division by 128
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 1, tokens, width, generator=draw) * 0.1 for _ in range(3))
    query[..., 0], key[..., 0] = 1.0, -120 * width**0.5  # scores of -120
    states = [each.to(device, torch.bfloat16).requires_grad_() for each in (query, key, value)]
    mask = torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril()
    out = torch.nn.functional.scaled_dot_product_attention(*states, attn_mask=mask[None, None])
    lost = sum(int((~each.isfinite()).sum()) for each in torch.autograd.grad(out.sum(), states))
    return ("gradients of masked attention with very low scores: values that are not finite", f"{lost}", lost == 0)


def suite_for(model: str, data: str | None) -> str:
    """A suite that suits the model."""
    if model.startswith("embedded:"):
        return model.removeprefix("embedded:")
    return "smollm2-gsm8k" if data else "smollm2-sums"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED, help="a local directory, a .gguf file or a hub id")
    parser.add_argument("--data", help="local data of the suite's task")
    parser.add_argument("--suite", help="default: a suite that suits the model; with --data, smollm2-gsm8k")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu tries the check itself")
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--engine", default="auto", help="the engine of the runs")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    options = parser.parse_args()
    options.suite = options.suite or suite_for(options.model, options.data)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("gpu_check: torch finds no GPU here; use --device cpu to try the check itself")
    return options


def printed(rows: list[Row]) -> list[Row]:
    """The same rows, which are also printed at once: the whole check takes minutes."""
    for what, figure, _ in rows:
        print(f"{time.strftime('%X')} {what}: {figure}", file=sys.stderr, flush=True)
    return rows


def table(rows: list[Row]) -> list[str]:
    """The table as lines of Markdown."""
    judged = {True: "yes", False: "NO", None: ""}
    lines = ["| check | figure | passed |", "| --- | --- | --- |"]
    return lines + [f"| {what} | {figure} | {judged[good]} |" for what, figure, good in rows]


def main() -> None:
    options = arguments()
    vllm = vllm_version(options.device)
    settings = ModelSettings(path=options.model, device=options.device, dtype=options.dtype)
    with ProcessPoolExecutor(1, FORKS, max_tasks_per_child=1) as pool:  # processes free their memory when they end
        rows = printed(pool.submit(check_engines, options, ["transformers", *(["vllm"] if vllm else [])]).result())
        rows += printed(pool.submit(check_layouts, settings, options.prompts, options.group, options.tokens).result())
    with tempfile.TemporaryDirectory() as folder:
        matched, seconds = matched_runs(options, Path(folder))
        rows += printed(matched) + printed(two_at_once(options, Path(folder), seconds))
        rows += printed(gangs(options, Path(folder), seconds))
    device, count = platform.machine(), 1
    if options.device == "cuda":
        device, count = torch.cuda.get_device_name(), torch.cuda.device_count()
    found = versions()
    known = ", ".join(f"{key} {found[key]}" for key in ("torch", "transformers", "commit"))
    about = (
        f"{date.today()}, {device}{f' x {count}' if count > 1 else ''}: {options.suite}, {Path(options.model).name}, "
        f"{options.dtype}; {known}, vllm {vllm or 'absent'}."
    )
    lines = [about, "", *table(rows)]
    print(*lines, sep="\n")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{re.sub(r'[^a-z0-9]+', '-', device.lower()).strip('-')}.md"
    path.write_text("\n".join([f"# {device}", "", *lines, ""]), encoding="utf-8")
    print(f"written to {path}")
    sys.exit(any(good is False for _, _, good in rows))


if __name__ == "__main__":
    main()
