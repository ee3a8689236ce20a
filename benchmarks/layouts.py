"""The time of a training pass in each layout of batches: with padding, with shared prompts, and without padding.

    python benchmarks/layouts.py --model SmolLM2-135M-Instruct --device cuda --dtype bfloat16 [--out FILE.md]

The completions have lengths between a tenth of ``--tokens`` and all of it, as those of reasoning models have.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from engines import Row

from benchmarks.page import Page, takes_out
from harness.config.settings import ModelSettings
from harness.models.hidden import BatchLayout
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.models.trial import ordinary_tokens

ROUNDS = 5


def ragged(policy: Policy, prompts: int, group: int, tokens: int) -> Sequences:
    """Prompts of a quarter of ``tokens``, and completions of different lengths."""
    draw, known = np.random.default_rng(0), ordinary_tokens(policy)
    texts = [tuple(draw.choice(known, max(1, tokens // 4)).tolist()) for _ in range(prompts)]
    lengths = draw.integers(max(1, tokens // 10), tokens, (prompts, group), endpoint=True)
    pairs = [(text, draw.choice(known, n).tolist()) for text, row in zip(texts, lengths, strict=True) for n in row]
    return Sequences.of(pairs)


def seconds(policy: Policy, sequences: Sequences) -> list[float]:
    """The times of forward and backward passes, without the first one."""
    taken = []
    for _ in range(ROUNDS + 1):
        _wait(policy)
        before = time.perf_counter()
        policy.logp(sequences).sum().backward()  # type: ignore[no-untyped-call]
        _wait(policy)
        taken.append(time.perf_counter() - before)
        policy.model.zero_grad()
    return taken[1:]


def _wait(policy: Policy) -> None:
    if policy.device.type == "cuda":
        torch.cuda.synchronize()


def check_layouts(settings: ModelSettings, prompts: int, group: int, tokens: int) -> list[Row]:
    """A row for each layout that the model allows."""
    policy = load_policy(settings, 1.0)
    sequences, used = ragged(policy, prompts, group, tokens), policy.layout
    names: list[BatchLayout] = [each for each in get_args(BatchLayout) if used == "packed" or "packed" not in each]
    what = f"training pass, {prompts} prompts x {group} completions of up to {tokens} tokens"
    rows: list[Row] = []
    for policy.layout in names:
        told = " (runs use it)" if policy.layout == used else ""
        rows.append((f"{what}: {policy.layout}{told}", f"{statistics.median(seconds(policy, sequences)):.3f} s", None))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded:tiny-arithmetic")
    parser.add_argument("--device", default="cpu", choices=["cuda", "cpu"])
    parser.add_argument("--dtype", default="float32", choices=["bfloat16", "float32"])
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64)
    takes_out(parser)
    options = parser.parse_args()
    page = Page(
        "Layouts of batches",
        f"Medians of {ROUNDS} passes, forward and backward, of {Path(options.model).name} in {options.dtype}.",
    )
    settings = ModelSettings(path=options.model, device=options.device, dtype=options.dtype)
    found = check_layouts(settings, options.prompts, options.group, options.tokens)
    page.table(("pass", "time"), [[what, figure] for what, figure, _ in found])
    page.end(options.out)


if __name__ == "__main__":
    main()
