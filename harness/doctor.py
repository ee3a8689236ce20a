"""What is installed, and what a suite would see."""

import os

import torch
from rich.console import Console

from evaluators.types import Split
from harness.arms import run_config
from harness.opening import load_splits
from harness.policy import load_policy
from harness.provenance import versions
from harness.suites import load_suite


def examine(suite: str | None, console: Console) -> None:
    """Print versions and devices; with a suite, its model, problem counts, and one prompt as the model sees it.

    Raises:
        HarnessError, TaskError: something that the suite needs is not there.
    """
    for name, version in versions().items():
        console.print(f"{name:<14} {version}", highlight=False)
    console.print(f"{'cores':<14} {os.cpu_count()}", highlight=False)
    console.print(f"{'gpu':<14} {'yes' if torch.cuda.is_available() else 'no'}", highlight=False)
    if suite is None:
        return
    config = load_suite(suite)
    problems = load_splits(run_config(config, config.baseline, 0))
    policy = load_policy(config.model, config.rollout.temperature)
    first = problems[Split.TRAIN][0]
    ids = policy.encode(first.prompt)
    console.print(f"\n{config.name}: {config.description}", highlight=False)
    console.print(f"model          {config.model.path}, {policy.size.parameters:,} parameters", highlight=False)
    console.print(f"problems       {', '.join(f'{len(part)} {split}' for split, part in problems.items())}")
    console.print(f"prompt         {policy.tokenizer.decode(ids)!r}", highlight=False, markup=False)
    console.print(f"prompt ids     {list(ids)}", highlight=False, markup=False)
    console.print(f"answer         {first.answer}", highlight=False, markup=False)
