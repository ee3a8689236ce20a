"""The works that both sides do, their targets, and the job of one subprocess."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from evaluators.tasks import load_problems
from evaluators.types import Problem, Split
from harness.seeds import ProblemOrder

ModelName = Literal["tiny-arithmetic", "smollm2", "qwen"]
SEED = 0
IDLE_RATE = 1e-9
"""A learning rate near zero, so that both sides keep sampling from almost the same model."""
WARM_UP = 2
"""The number of steps at the start of each subprocess that do not count."""
Rounds = dict[str, list[dict[str, Any]]]
"""For each side, one result per round: seconds and tokens of each step, and the peak memory."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One kind of training step, and the largest share of TRL's time and memory that the harness may take for it."""

    name: str
    objective: Literal["grpo", "dpo"]
    model: ModelName
    """The first has a suite of its own. The others are asked GSM8K's problems."""
    prompts: int
    group: int
    max_tokens: int
    beta: float
    steps: int
    """Steps of one subprocess, with warm-up."""
    time_target: float
    memory_target: float | None = None
    ours: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the suite, by dotted name: the fastest that we found."""
    theirs: Mapping[str, Any] = field(default_factory=dict)
    """Fields of TRL's config: the fastest that we found and that train the same."""

    @property
    def suite(self) -> str:
        return "tiny-arithmetic" if self.model == "tiny-arithmetic" else "smollm2-gsm8k"


GRPO_TINY = Work(
    name="grpo-tiny",
    objective="grpo",
    model="tiny-arithmetic",
    prompts=32,
    group=8,
    max_tokens=48,
    beta=0.04,
    steps=14,
    time_target=0.4,
    ours={"compute.micro_batch_tokens": 8192},
    theirs={"bf16": False, "per_device_train_batch_size": 256},
)
GRPO_SMOLLM2 = Work(
    name="grpo-smollm2",
    objective="grpo",
    model="smollm2",
    prompts=4,
    group=8,
    max_tokens=64,
    beta=0.04,
    steps=5,
    time_target=0.22,
    memory_target=0.3,
    ours={"compute.sample_batch": 32, "compute.micro_batch_tokens": 2048, "rollout.max_prompt_tokens": 320},
    theirs={"bf16": True, "per_device_train_batch_size": 32},
)
DPO_SMOLLM2 = Work(
    name="dpo-smollm2",
    objective="dpo",
    model="smollm2",
    prompts=16,
    group=2,
    max_tokens=64,
    beta=0.1,
    steps=5,
    time_target=0.35,
    memory_target=0.8,
    ours={"compute.engine": "transformers"},  # nothing is sampled
    theirs={"bf16": True, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 16},
)
GRPO_QWEN = Work(
    name="grpo-qwen",
    objective="grpo",
    model="qwen",
    prompts=4,
    group=8,
    max_tokens=200,
    beta=0.04,
    steps=4,
    time_target=0.35,
    memory_target=0.5,
    ours={
        "compute.engine": "transformers",
        "compute.sample_batch": 32,
        "compute.micro_batch_tokens": 4096,
        "rollout.max_prompt_tokens": 320,
    },
    theirs={"bf16": True, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 8},
)
WORKS = {work.name: work for work in (GRPO_TINY, GRPO_SMOLLM2, DPO_SMOLLM2, GRPO_QWEN)}


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one side does in one process."""

    work: Work
    model: str
    """``embedded:NAME`` or a directory with safetensors."""
    data: str | None
    pairs: str
    """The file with the given pairs."""
    steps: int
    threads: int
    rate: float = IDLE_RATE
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings that replace those of the work for this side."""

    def problems(self) -> list[Problem]:
        """The prompts of all steps, in the order of the harness's seed 0."""
        name = "arithmetic" if self.work.model == "tiny-arithmetic" else "gsm8k"
        return ProblemOrder(load_problems(name, Split.TRAIN, data=self.data), SEED).take(
            0, self.work.prompts * self.steps
        )


class Clock:
    """Measures the seconds from the end of one step to the end of the next, and the peak memory so far."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.peak = 0
        self._mark = time.perf_counter()

    def step(self) -> bool:
        """Notes the end of a step. The result is always False: the harness calls this to ask whether to stop."""
        now = time.perf_counter()
        self.seconds.append(now - self._mark)
        self.peak = max(self.peak, peak_memory())
        self._mark = time.perf_counter()
        return False

    def result(self, tokens: list[int]) -> dict[str, Any]:
        """What the child reports to its parent, as JSON."""
        return {"seconds": self.seconds, "tokens": tokens, "peak": self.peak}


def peak_memory() -> int:
    """The sum of the peak resident bytes of this process and its live children (on Linux).

    ``ru_maxrss`` would be wrong, because a child inherits the value of its parent.
    """
    pids = [psutil.Process().pid, *(child.pid for child in psutil.Process().children(recursive=True))]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
