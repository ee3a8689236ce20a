"""The configuration of a run. A run is a pure function of its :class:`RunConfig`."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, get_type_hints

from pydantic import Field, field_validator, model_validator

from algorithms import OBJECTIVES
from algorithms.later import LATER
from harness.config.arm_settings import (
    CONTROLS,
    ArmSettings,
    ConstraintSettings,
    Control,
    RobustSettings,
    TuningSettings,
)
from harness.config.budget import Budget
from harness.config.folders import Name
from harness.config.optimizer import CORRECTIONS, OptimizerSettings
from harness.config.regime import RegimeSpec
from harness.config.settings import (
    ComputeSettings,
    EvaluationSettings,
    ModelSettings,
    PolicySettings,
    PositiveInt,
    RolloutSettings,
    Settings,
    TaskSettings,
)


class RunSettings(Settings):
    """The settings that all runs of a suite share."""

    model: ModelSettings
    policy: PolicySettings = PolicySettings()
    task: TaskSettings
    rollout: RolloutSettings = RolloutSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    budget: Budget
    regime: str = "on_policy"
    """Where completions come from: ``on_policy``, ``stale:STEPS``, ``replay:SIZE,FRACTION`` or ``offline``."""
    evaluation: EvaluationSettings = EvaluationSettings()
    compute: ComputeSettings = ComputeSettings()
    limit: Annotated[PositiveInt | None, LATER] = None
    """The number of prompts and problems of a quick look, whose results are marked. None for full runs."""

    @field_validator("regime")
    @classmethod
    def _canonical(cls, text: str) -> str:
        return str(RegimeSpec.parse(text))

    @property
    def regime_spec(self) -> RegimeSpec:
        """The regime, parsed."""
        return RegimeSpec.parse(self.regime)

    @model_validator(mode="after")
    def _one_step_fits(self) -> "RunSettings":
        step = self.rollout.prompts * self.rollout.group_size
        updates = self.optimizer.updates_per_rollout
        least = {"completions": step, "sampled_tokens": step, "optimizer_steps": updates}.get(self.budget.unit, 0)
        if self.budget.total < least:
            raise ValueError(
                f"a budget of {self.budget.total:g} {self.budget.unit} is too small for one rollout batch of "
                f"{self.rollout.prompts} prompts x {self.rollout.group_size} completions, which needs {least}"
            )
        return self

    @model_validator(mode="after")
    def _batches_divide(self) -> "RunSettings":
        rollout, optimizer, spec = self.rollout, self.optimizer, self.regime_spec
        if optimizer.minibatches > rollout.prompts:
            raise ValueError(
                f"optimizer.minibatches={optimizer.minibatches} is more than rollout.prompts={rollout.prompts}, but "
                "groups are not split"
            )
        if spec.steps % optimizer.updates_per_rollout:
            raise ValueError(
                f"the age in regime {self.regime} is not a multiple of "
                f"optimizer.updates_per_rollout={optimizer.updates_per_rollout}, the steps per rollout batch; give "
                f"stale:K with K a multiple of {optimizer.updates_per_rollout}"
            )
        again = spec.again(rollout.prompts)
        if spec.kind == "replay" and spec.size < rollout.group_size * again:
            raise ValueError(
                f"the buffer of regime {self.regime} has fewer completions than a batch takes from it "
                f"({rollout.prompts} prompts x {rollout.group_size} completions x {spec.fraction:g})"
            )
        if spec.kind == "replay" and not 0 < again < rollout.prompts:
            raise ValueError(
                f"regime {self.regime} takes none or all of the rollout.prompts={rollout.prompts} from its buffer; "
                "give another FRACTION"
            )
        if spec.kind == "offline" and self.budget.unit == "sampled_tokens":
            raise ValueError("with a fixed set, a budget of sampled_tokens never ends; use another unit for offline")
        if rollout.offline_completions % rollout.group_size:
            raise ValueError(
                f"rollout.offline_completions={rollout.offline_completions} is not a multiple of "
                f"rollout.group_size={rollout.group_size}"
            )
        return self

    @model_validator(mode="after")
    def _shards_as_they_are(self) -> "RunSettings":
        sharded = self.compute.parallel == "shard" and self.compute.devices > 1
        if sharded and self.optimizer.kind == "adamw_8bit":
            raise ValueError(
                "optimizer.kind=adamw_8bit does not support sharded weights; set optimizer.kind=adamw, whose moments "
                f"are split over {self.compute.devices} devices, or compute.parallel=replicate"
            )
        return self


class SuiteConfig(RunSettings):
    """A named comparison: the settings that its runs share, and the tuned settings of each objective."""

    name: Name
    description: str
    seeds: PositiveInt = 3
    baseline: str
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """The margin of equivalence: a negligible difference in accuracy, as a share."""
    looks: tuple[int, ...] = (3, 5, 8, 12, 20)
    """The numbers of seeds after which ``--until decided`` tests. The last one is the largest number of seeds."""
    objectives: dict[Name, ArmSettings] = Field(default_factory=dict)
    tuning: TuningSettings = TuningSettings()

    @field_validator("looks")
    @classmethod
    def _rising(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        from evaluators.statistics.sequential import Looks  # a second of imports, and only where looks are set

        return Looks(seeds).seeds

    @field_validator("objectives")
    @classmethod
    def _likes(cls, arms: dict[str, ArmSettings]) -> dict[str, ArmSettings]:
        for name, arm in arms.items():
            if arm.like and (arm.like not in arms or arms[arm.like].like):
                raise ValueError(f"{name} is like {arm.like}, which this suite lacks or which is like another")
            if arm.like in CONTROLS:
                raise ValueError(f"{name} is like {arm.like}, which is a control and itself like an objective")
        return arms


class ObjectiveConfig(Settings):
    """An arm with its name, its objective, and all fields of the objective."""

    name: str
    objective: str
    fields: dict[str, Any]
    constraint: ConstraintSettings | None = None
    robust: Annotated[RobustSettings | None, LATER] = None
    control: Control | None = None

    def identity(self) -> dict[str, Any]:
        """The settings for ids, without later fields of the objective that have their defaults.

        Objectives outside the repository have no such fields.
        """
        content = super().identity()
        if objective := OBJECTIVES.get(self.objective):
            hints = get_type_hints(objective, include_extras=True)
            for name, value in self.fields.items():
                later = LATER in getattr(hints.get(name), "__metadata__", ())
                if later and value == getattr(objective(), name):
                    del content["fields"][name]
        return content


class RunConfig(RunSettings):
    """One run: an objective, a seed, and all settings."""

    suite: str
    objective: ObjectiveConfig
    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _settled(self) -> "RunConfig":
        chosen = {
            "model.device": self.model.device,
            "model.dtype": self.model.dtype,
            "compute.engine": self.compute.engine,
        }
        for key, value in chosen.items():
            if value == "auto":  # otherwise the same config could be different runs on different machines
                raise ValueError(f"{key} is still auto; see harness.launch.machine.settle")
        return self

    @property
    def run_id(self) -> str:
        """A readable and unique id of this config, such as ``agro-stale-16-s0-1a2b3c4d5e``."""
        name = self.objective.name.replace(":", ".")
        regime = re.sub(r"[^a-z0-9.]+", "-", self.regime.replace("on_policy", ""))
        parts = (name, regime, f"s{self.seed}", digest(self.identity()))
        return "-".join(part for part in parts if part)

    @property
    def arm_key(self) -> str:
        """A key that runs share if they only differ in the seed."""
        return digest({key: value for key, value in self.identity().items() if key != "seed"})

    @property
    def matched(self) -> dict[str, Any]:
        """The settings that comparable runs share: all but objective, learning rates and updates, seed and regime."""
        own = {"objective", "optimizer", "seed", "regime"}
        shared = {key: value for key, value in self.identity().items() if key not in own}
        optimizer = self.optimizer.identity()  # includes later corrections only if they are set
        return shared | {name: optimizer[name] for name in ("kind", *CORRECTIONS) if name in optimizer}

    @property
    def match_key(self) -> str:
        return digest(self.matched)


def digest(content: Mapping[str, Any]) -> str:
    """Ten hex digits of the canonical JSON of ``content``."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as a flat mapping with dotted keys."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
