"""What a run is made of. A run is a pure function of its :class:`RunConfig`."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.budget import Budget

PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(Settings):
    """Where training starts."""

    path: str
    """``embedded:NAME``, a local directory, a ``.gguf`` file, or a hub id."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"


class TaskSettings(Settings):
    """The problems, and how an answer is graded."""

    name: str
    data: str | None = None
    """A local file or directory; without it the task generates or downloads its problems."""
    options: dict[str, Any] = {}
    grading: Literal["strict", "lenient"] = "strict"
    """Which of the grader's verdicts is reward and accuracy: the answer behind its marker, or anywhere."""


class RolloutSettings(Settings):
    """What is sampled for one optimiser step."""

    prompts: PositiveInt = 32
    group_size: PositiveInt = 8
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    max_tokens: PositiveInt = 128
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class OptimizerSettings(Settings):
    """AdamW with a linear warm-up and then a constant rate."""

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 10
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0


class EvaluationSettings(Settings):
    """Accuracy while training (validation split), and at its two ends (test split)."""

    shares: tuple[Fraction, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the budget at which the validation split is evaluated; 0 and 1 always are."""
    validation_problems: PositiveInt = 128
    validation_samples: PositiveInt = 2
    test_problems: PositiveInt = 500
    test_samples: PositiveInt = 4

    @field_validator("shares")
    @classmethod
    def _both_ends(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted({0.0, *shares, 1.0}))


class ComputeSettings(Settings):
    """How it is computed. Threads and micro-batches can change the last bits of a number."""

    engine: Literal["auto", "transformers"] = "auto"
    threads: PositiveInt = 1
    micro_batch_tokens: PositiveInt = 16384
    """Padded tokens in one training micro-batch; a group is never split."""
    sample_batch: PositiveInt = 512
    """Completions that are sampled side by side."""


class RunSettings(Settings):
    """What all runs of a suite share."""

    model: ModelSettings
    task: TaskSettings
    rollout: RolloutSettings = RolloutSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    budget: Budget
    regime: Literal["on_policy"] = "on_policy"
    evaluation: EvaluationSettings = EvaluationSettings()
    compute: ComputeSettings = ComputeSettings()

    @model_validator(mode="after")
    def _one_step_fits(self) -> "RunSettings":
        step = self.rollout.prompts * self.rollout.group_size
        least = {"completions": step, "sampled_tokens": step, "optimizer_steps": 1}.get(self.budget.unit, 0)
        if self.budget.total < least:
            raise ValueError(
                f"a budget of {self.budget.total:g} {self.budget.unit} is less than one optimiser step of "
                f"{self.rollout.prompts} prompts x {self.rollout.group_size} completions needs ({least})"
            )
        return self


class ArmSettings(Settings):
    """What a suite sets for one objective alone."""

    fields: dict[str, Any] = {}
    """The objective's own hyperparameters; those left out keep their defaults."""
    optimizer: dict[str, Any] = {}
    """Overrides of the suite's ``optimizer``."""


class SuiteConfig(RunSettings):
    """A named comparison: everything that its runs share, and each objective's tuned settings."""

    name: str
    description: str
    seeds: PositiveInt = 3
    baseline: str
    objectives: dict[str, ArmSettings] = {}


class ObjectiveConfig(Settings):
    """An objective by name, with all of its fields spelt out."""

    name: str
    fields: dict[str, Any]


class RunConfig(RunSettings):
    """One run: an objective, a seed, and all settings."""

    suite: str
    objective: ObjectiveConfig
    seed: Annotated[int, Field(ge=0)]

    @property
    def run_id(self) -> str:
        """Readable, and unique to this config: ``agro-s0-1a2b3c4d5e``."""
        name = self.objective.name.replace(":", ".")
        return f"{name}-s{self.seed}-{digest(self.model_dump(mode='json'))}"

    @property
    def arm_key(self) -> str:
        """The same for runs that differ in nothing but the seed."""
        return digest(self.model_dump(mode="json", exclude={"seed"}))

    @property
    def match_key(self) -> str:
        """The same for runs that may stand in one table: all but objective, its optimiser and seed agree."""
        return digest(self.model_dump(mode="json", exclude={"objective", "optimizer", "seed"}))


def digest(content: Mapping[str, Any]) -> str:
    """Ten hex digits of the canonical JSON of ``content``."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
