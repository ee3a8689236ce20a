"""What a run is made of. A run is a pure function of its :class:`RunConfig`."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.budget import Budget
from harness.regimes import RegimeSpec

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
    """What is sampled for one rollout batch."""

    prompts: PositiveInt = 32
    group_size: PositiveInt = 8
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    max_tokens: PositiveInt = 128
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    offline_completions: PositiveInt = 4096
    """Size of the fixed set of the offline regime, a multiple of ``group_size``."""


class OptimizerSettings(Settings):
    """AdamW with a linear warm-up and then a constant rate; and how often a rollout batch is trained on."""

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 10
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    critic_learning_rate: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    """Of an objective with a critic; by default the policy's."""
    updates_per_rollout: PositiveInt = 1
    """Optimiser steps on each rollout batch."""
    minibatches: PositiveInt = 1
    """Parts of a rollout batch, each for one of these steps; ``updates_per_rollout / minibatches`` epochs."""

    @property
    def epochs(self) -> int:
        """Passes over each rollout batch."""
        return self.updates_per_rollout // self.minibatches

    @model_validator(mode="after")
    def _whole_epochs(self) -> "OptimizerSettings":
        if self.updates_per_rollout % self.minibatches:
            raise ValueError(
                f"updates_per_rollout={self.updates_per_rollout} is not a multiple of minibatches={self.minibatches}, "
                "so the last epoch would not be whole"
            )
        return self


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
    regime: str = "on_policy"
    """Where completions come from, see :class:`harness.regimes.RegimeSpec`."""
    evaluation: EvaluationSettings = EvaluationSettings()
    compute: ComputeSettings = ComputeSettings()

    @field_validator("regime")
    @classmethod
    def _canonical(cls, text: str) -> str:
        return str(RegimeSpec.parse(text))

    @model_validator(mode="after")
    def _one_step_fits(self) -> "RunSettings":
        step = self.rollout.prompts * self.rollout.group_size
        updates = self.optimizer.updates_per_rollout
        least = {"completions": step, "sampled_tokens": step, "optimizer_steps": updates}.get(self.budget.unit, 0)
        if self.budget.total < least:
            raise ValueError(
                f"a budget of {self.budget.total:g} {self.budget.unit} is less than one rollout batch of "
                f"{self.rollout.prompts} prompts x {self.rollout.group_size} completions needs ({least})"
            )
        return self

    @model_validator(mode="after")
    def _batches_divide(self) -> "RunSettings":
        rollout, optimizer, spec = self.rollout, self.optimizer, RegimeSpec.parse(self.regime)
        if optimizer.minibatches > rollout.prompts:
            raise ValueError(
                f"optimizer.minibatches={optimizer.minibatches} is more than rollout.prompts={rollout.prompts}, "
                "and a group is never split"
            )
        if spec.steps % optimizer.updates_per_rollout:
            raise ValueError(
                f"regime {self.regime} is no whole number of rollout batches of "
                f"optimizer.updates_per_rollout={optimizer.updates_per_rollout} steps each"
            )
        again = spec.again(rollout.prompts)
        if spec.kind == "replay" and spec.size < rollout.group_size * again:
            raise ValueError(
                f"the buffer of regime {self.regime} holds fewer completions than a batch takes from it "
                f"({rollout.prompts} prompts x {rollout.group_size} completions x {spec.fraction:g})"
            )
        if spec.kind == "replay" and not 0 < again < rollout.prompts:
            raise ValueError(
                f"regime {self.regime} takes none or all of rollout.prompts={rollout.prompts} from its buffer; "
                "give another FRACTION"
            )
        if spec.kind == "offline" and self.budget.unit == "sampled_tokens":
            raise ValueError("a budget of sampled_tokens never ends on a fixed set; give offline another unit")
        if rollout.offline_completions % rollout.group_size:
            raise ValueError(
                f"rollout.offline_completions={rollout.offline_completions} is not a multiple of "
                f"rollout.group_size={rollout.group_size}"
            )
        return self


class ConstraintSettings(Settings):
    """A limit on a measured quantity, held by a Lagrange multiplier around any objective.

    Fields as in :class:`algorithms.constrained.Constrained`.
    """

    quantity: Literal["length", "kl"]
    limit: float
    rate: float | None = None
    damping: float | None = None


Control = Literal["frozen", "random_reward"]
"""``frozen`` is never updated: what evaluation noise is. ``random_reward`` is rewarded by a coin: what training
on format and entropy alone buys."""


class ArmSettings(Settings):
    """What a suite sets for one arm of the comparison alone."""

    objective: str | None = None
    """Which objective the arm trains; by default the one it is named after."""
    fields: dict[str, Any] = {}
    """The objective's own hyperparameters; those left out keep their defaults."""
    optimizer: dict[str, Any] = {}
    """Overrides of the suite's ``optimizer``."""
    constraint: ConstraintSettings | None = None
    control: Control | None = None


class SuiteConfig(RunSettings):
    """A named comparison: everything that its runs share, and each objective's tuned settings."""

    name: str
    description: str
    seeds: PositiveInt = 3
    baseline: str
    objectives: dict[str, ArmSettings] = {}


class ObjectiveConfig(Settings):
    """An arm by name, with its objective and all of that one's fields spelt out."""

    name: str
    objective: str
    fields: dict[str, Any]
    constraint: ConstraintSettings | None = None
    control: Control | None = None


class RunConfig(RunSettings):
    """One run: an objective, a seed, and all settings."""

    suite: str
    objective: ObjectiveConfig
    seed: Annotated[int, Field(ge=0)]

    @property
    def run_id(self) -> str:
        """Readable, and unique to this config: ``agro-s0-1a2b3c4d5e``, ``agro-stale-16-s0-1a2b3c4d5e``."""
        name = self.objective.name.replace(":", ".")
        regime = re.sub(r"[^a-z0-9.]+", "-", self.regime.replace("on_policy", ""))
        parts = (name, regime, f"s{self.seed}", digest(self.model_dump(mode="json")))
        return "-".join(part for part in parts if part)

    @property
    def arm_key(self) -> str:
        """The same for runs that differ in nothing but the seed."""
        return digest(self.model_dump(mode="json", exclude={"seed"}))

    @property
    def match_key(self) -> str:
        """The same for runs that may stand side by side: all but objective, its optimiser, seed and regime agree."""
        return digest(self.model_dump(mode="json", exclude={"objective", "optimizer", "seed", "regime"}))


def digest(content: Mapping[str, Any]) -> str:
    """Ten hex digits of the canonical JSON of ``content``."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
