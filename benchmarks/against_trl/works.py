"""The works that both sides do, their targets, and what one subprocess is told."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from evaluators.tasks import load_problems
from evaluators.types import Problem, Split
from harness.seeds import ProblemOrder

SEED = 0
IDLE_RATE = 1e-9
"""A learning rate next to nothing: both sides keep sampling from the same model."""
WARM_UP = 2
"""Steps of each subprocess that are not counted."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One training step, and what of TRL's time and memory the harness may take for it."""

    name: str
    objective: Literal["grpo", "dpo"]
    suite: str
    prompts: int
    group: int
    max_tokens: int
    beta: float
    steps: int
    """Of one subprocess, warm-up included."""
    time_target: float
    memory_target: float | None = None
    ours: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the suite: the fastest settings that were found."""
    theirs: Mapping[str, Any] = field(default_factory=dict)
    """Fields of TRL's config: the fastest that were found to train the same."""


GRPO_TINY = Work(
    name="grpo-tiny",
    objective="grpo",
    suite="tiny-arithmetic",
    prompts=32,
    group=8,
    max_tokens=48,
    beta=0.04,
    steps=14,
    time_target=0.5,
    ours={"compute.micro_batch_tokens": 8192},
    theirs={"bf16": False, "per_device_train_batch_size": 256},
)
GRPO_SMOLLM2 = Work(
    name="grpo-smollm2",
    objective="grpo",
    suite="smollm2-gsm8k",
    prompts=4,
    group=8,
    max_tokens=64,
    beta=0.04,
    steps=5,
    time_target=0.3,
    memory_target=0.4,
    ours={"compute.sample_batch": 32, "compute.micro_batch_tokens": 2048, "rollout.max_prompt_tokens": 320},
    theirs={"bf16": True, "per_device_train_batch_size": 32},
)
DPO_SMOLLM2 = Work(
    name="dpo-smollm2",
    objective="dpo",
    suite="smollm2-gsm8k",
    prompts=16,
    group=2,
    max_tokens=64,
    beta=0.1,
    steps=5,
    time_target=0.7,
    ours={"compute.engine": "transformers"},  # nothing is sampled
    theirs={"bf16": True, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 16},
)
WORKS = {work.name: work for work in (GRPO_TINY, GRPO_SMOLLM2, DPO_SMOLLM2)}


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one side is to do in one process."""

    work: Work
    model: str
    """``embedded:NAME`` or a directory with safetensors."""
    data: str | None
    pairs: str
    """The file of given pairs."""
    steps: int
    threads: int
    rate: float = IDLE_RATE
    changes: Mapping[str, Any] = field(default_factory=dict)
    """On top of the work's settings for that side."""

    def problems(self) -> list[Problem]:
        """The prompts of all steps, in the order of the harness's seed 0."""
        name = "arithmetic" if self.work.suite == "tiny-arithmetic" else "gsm8k"
        return ProblemOrder(load_problems(name, Split.TRAIN, data=self.data), SEED).take(
            0, self.work.prompts * self.steps
        )


class Clock:
    """Seconds from the end of one step to the end of the next, and the most memory until then."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.peak = 0
        self._mark = time.perf_counter()

    def step(self) -> bool:
        """A step has ended; False, as the harness asks here whether to stop."""
        now = time.perf_counter()
        self.seconds.append(now - self._mark)
        self.peak = max(self.peak, peak_memory())
        self._mark = time.perf_counter()
        return False

    def result(self, tokens: list[int]) -> dict[str, Any]:
        """As JSON to the parent."""
        return {"seconds": self.seconds, "tokens": tokens, "peak": self.peak}


def peak_memory() -> int:
    """Most resident bytes this process and its live children ever had (Linux).

    Not ``ru_maxrss``: a child inherits its parent's.
    """
    pids = [psutil.Process().pid, *(child.pid for child in psutil.Process().children(recursive=True))]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
