"""One GRPO step on the embedded model: this harness against TRL's GRPOTrainer, alternating, on equal threads.

    pip install trl==1.16.0
    python benchmarks/grpo_step.py [--rounds 3] [--steps 12] [--threads 1]

The work: 32 prompts x 8 completions sampled at temperature 1 up to 48 tokens, graded, one update with a KL term to the
reference. The learning rate is next to nothing, so that both sides keep sampling from the same model; tokens a step are
counted and printed beside the seconds. The first two steps of each round are warm-up.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

PROMPTS, GROUP, MAX_TOKENS, BETA, RATE, WARM_UP = 32, 8, 48, 0.04, 1e-9, 2
Timings = list[dict[str, float]]


def ours(steps: int, threads: int) -> Timings:
    """Seconds and sampled tokens of each step, from the run's own journal."""
    from harness.arms import run_config
    from harness.journal import Journal
    from harness.suites import load_suite
    from harness.train import train

    changes: list[tuple[str, Any]] = [
        ("rollout", {"prompts": PROMPTS, "group_size": GROUP, "max_tokens": MAX_TOKENS}),
        ("budget", {"unit": "optimizer_steps", "total": steps}),
        ("evaluation", {"shares": [0], "test_problems": 1, "validation_problems": 1}),
        ("optimizer.learning_rate", RATE),
        ("objectives.grpo.fields.beta_kl", BETA),
        ("compute.threads", threads),
    ]
    with tempfile.TemporaryDirectory() as folder:
        train(run_config(load_suite("tiny-arithmetic", changes), "grpo", 0), Path(folder), {"id": "", "name": ""})
        records = [r for r in Journal(Path(folder)).read() if "spent" in r]
    marks = [r for r in records if r["event"] in ("evaluation", "step")]
    return [
        {
            "seconds": now["clock"]["seconds"] - before["clock"]["seconds"],
            "tokens": now["spent"]["sampled_tokens"] - before["spent"]["sampled_tokens"],
        }
        for before, now in pairwise(marks)
        if now["event"] == "step"
    ]


def theirs(steps: int, threads: int) -> Timings:
    """Seconds and sampled tokens of each step, by a callback around it."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from evaluators.tasks import load_problems
    from evaluators.types import Split
    from harness.loading import load_policy
    from harness.settings import ModelSettings

    torch.set_num_threads(threads)
    policy = load_policy(ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32"), 1.0)
    problems = load_problems("arithmetic", Split.TRAIN)
    tokens: list[float] = []

    def reward(completions: list[str], completion_ids: list[list[int]], answer: list[str], **_: Any) -> list[float]:
        tokens.append(sum(map(len, completion_ids)))
        return [float(text.endswith(f"####{right}")) for text, right in zip(completions, answer, strict=True)]

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.seconds: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.perf_counter() - self.began)

    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=PROMPTS * GROUP,
            num_generations=GROUP,
            max_completion_length=MAX_TOKENS,
            beta=BETA,
            temperature=1.0,
            learning_rate=RATE,
            max_steps=steps,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        clock = Clock()
        data = Dataset.from_list([{"prompt": p.prompt, "answer": p.answer} for p in problems])
        GRPOTrainer(
            policy.model,
            reward,
            args=config,
            train_dataset=data,
            processing_class=policy.tokenizer,
            callbacks=[clock],
        ).train()
    return [{"seconds": s, "tokens": t} for s, t in zip(clock.seconds, tokens, strict=True)]


SIDES = {"harness": ours, "trl": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", choices=SIDES, help="one side alone, as JSON; what each round calls")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.steps, options.threads)))
        return
    found: dict[str, Timings] = {side: [] for side in SIDES}
    for _ in range(options.rounds):
        for side, timings in found.items():
            command = [sys.executable, __file__, "--side", side]
            command += ["--steps", str(options.steps), "--threads", str(options.threads)]
            environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "passive"}
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            timings += json.loads(done.stdout.splitlines()[-1])[WARM_UP:]
    for side, timings in found.items():
        seconds = [t["seconds"] for t in timings]
        low, _, high = statistics.quantiles(seconds, n=4)
        tokens = statistics.mean(t["tokens"] for t in timings)
        print(
            f"{side:<8} median {statistics.median(seconds):.3f} s a step (quartiles {low:.3f} to {high:.3f}), "
            f"{tokens:.0f} tokens a step, {len(seconds)} steps"
        )
    medians = {side: statistics.median(t["seconds"] for t in timings) for side, timings in found.items()}
    print(f"ratio of medians, harness / trl: {medians['harness'] / medians['trl']:.2f}")


if __name__ == "__main__":
    main()
