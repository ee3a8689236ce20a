"""``harness doctor``: what is installed, and what a suite would use."""

import torch
from rich.console import Console

from evaluators.tasks.overlap import overlap
from evaluators.types import Split
from harness.config.arms import run_config
from harness.config.run_config import SuiteConfig
from harness.launch.devices import cores
from harness.launch.machine import settle
from harness.records.provenance import versions
from harness.rollout.engines.engine import sampling_of
from harness.rollout.problems import ended
from harness.training.open_run import load_parts


def examine(suite: SuiteConfig | None, console: Console) -> None:
    """Print versions and devices; with a suite, its model, problem counts, and one prompt as the model sees it.

    Raises:
        HarnessError, TaskError: the suite needs something that is missing.
    """

    def line(name: str, value: object) -> None:
        console.print(f"{name:<14} {value}", highlight=False, markup=False)

    for name, version in versions().items():
        line(name, version)
    line("cores", cores())
    line("gpu", torch.cuda.get_device_name() if torch.cuda.is_available() else "no")
    if suite is None:
        return
    suite, choices = settle(suite)
    config = run_config(suite, suite.baseline, 0)
    parts = load_parts(config)  # as in a run, so that its errors appear here
    parts.engine.release()
    policy, asking, problems = parts.policy, parts.asking, parts.problems
    first = problems[Split.TRAIN][0]
    ids = policy.encode(first.prompt, first.framing)
    console.print()
    line(suite.name, suite.description)
    line("model", f"{suite.model.path}, {policy.size.parameters:,} parameters, {policy.size.trained:,} trained")
    line("computes", f"on the {suite.model.device} in {suite.model.dtype}, sampling with {suite.compute.engine}")
    for choice in choices:
        line("", choice)
    line("problems", ", ".join(f"{len(part)} {split}" for split, part in problems.items()))
    for split in (Split.VALIDATION, Split.TEST):
        found = overlap(problems[Split.TRAIN], problems[split])
        line("overlap", f"{found.same} of {found.held_out} {split} problems are in train, and {found.near} in part")
    line("answer format", f"{asking.form.name}, {len(asking.examples)} solved examples")
    line("chat template", "applied" if asking.chat and policy.chats else "none, plain prompts")
    line("prompt", repr(policy.tokenizer.decode(ids)))
    line("prompt ids", list(ids))
    if warning := ended(policy, problems[Split.TRAIN]):
        line("warning", warning)
    line("answer", first.answer)
    line("ends at", [*map(policy.tokenizer.decode, policy.eos_ids), *sampling_of(config, asking).stop])
