"""What a run is made of. A run is a pure function of its :class:`RunConfig`."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, get_type_hints

from pydantic import Field, field_validator, model_validator

from algorithms import OBJECTIVES
from algorithms.later import LATER
from harness.config.budget import Budget
from harness.config.optimizer import CORRECTIONS, OptimizerSettings
from harness.config.regime import RegimeSpec
from harness.config.settings import (
    CONTROLS,
    ArmSettings,
    ComputeSettings,
    ConstraintSettings,
    Control,
    EvaluationSettings,
    ModelSettings,
    PolicySettings,
    PositiveInt,
    RobustSettings,
    RolloutSettings,
    Settings,
    TaskSettings,
    TuningSettings,
)


class RunSettings(Settings):
    """What all runs of a suite share."""

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
    """A quick look: trains on so many prompts, evaluates on so many problems, and marks the results."""

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
                f"a budget of {self.budget.total:g} {self.budget.unit} is less than one rollout batch of "
                f"{self.rollout.prompts} prompts x {self.rollout.group_size} completions needs ({least})"
            )
        return self

    @model_validator(mode="after")
    def _batches_divide(self) -> "RunSettings":
        rollout, optimizer, spec = self.rollout, self.optimizer, self.regime_spec
        if optimizer.minibatches > rollout.prompts:
            raise ValueError(
                f"optimizer.minibatches={optimizer.minibatches} is more than rollout.prompts={rollout.prompts}, "
                "and a group is never split"
            )
        if spec.steps % optimizer.updates_per_rollout:
            raise ValueError(
                f"regime {self.regime} is no whole number of rollout batches of "
                f"optimizer.updates_per_rollout={optimizer.updates_per_rollout} steps each; give stale:K with K a "
                f"multiple of {optimizer.updates_per_rollout}"
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

    @model_validator(mode="after")
    def _shards_as_they_are(self) -> "RunSettings":
        sharded = self.compute.parallel == "shard" and self.compute.devices > 1
        if sharded and self.optimizer.kind == "adamw_8bit":
            raise ValueError(
                "optimizer.kind=adamw_8bit cannot keep moments of weights in shards; set optimizer.kind=adamw, "
                f"whose moments take a {self.compute.devices}th on each device, or compute.parallel=replicate"
            )
        return self


class SuiteConfig(RunSettings):
    """A named comparison: everything that its runs share, and each objective's tuned settings."""

    name: str
    description: str
    seeds: PositiveInt = 3
    baseline: str
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """A difference in accuracy that nobody would mind, as a share: within it objectives count as equivalent."""
    looks: tuple[int, ...] = (3, 5, 8, 12, 20)
    """After how many seeds ``--until decided`` tests; the last is the most there will be."""
    objectives: dict[str, ArmSettings] = Field(default_factory=dict)
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
                raise ValueError(f"{name} is like {arm.like}, which this suite does not set, or sets like another")
            if arm.like in CONTROLS:
                raise ValueError(f"{name} is like {arm.like}, a control, which itself is like an objective")
        return arms


class ObjectiveConfig(Settings):
    """An arm by name, with its objective and all of that one's fields spelt out."""

    name: str
    objective: str
    fields: dict[str, Any]
    constraint: ConstraintSettings | None = None
    robust: Annotated[RobustSettings | None, LATER] = None
    control: Control | None = None

    def identity(self) -> dict[str, Any]:
        """The same of the objective's own fields; one from outside the repository has none that came later."""
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
            if value == "auto":  # the same config would be another run on another machine
                raise ValueError(f"{key} is still auto; see harness.launch.machine.settle")
        return self

    @property
    def run_id(self) -> str:
        """Readable, and unique to this config: ``agro-s0-1a2b3c4d5e``, ``agro-stale-16-s0-1a2b3c4d5e``."""
        name = self.objective.name.replace(":", ".")
        regime = re.sub(r"[^a-z0-9.]+", "-", self.regime.replace("on_policy", ""))
        parts = (name, regime, f"s{self.seed}", digest(self.identity()))
        return "-".join(part for part in parts if part)

    @property
    def arm_key(self) -> str:
        """The same for runs that differ in nothing but the seed."""
        return digest({key: value for key, value in self.identity().items() if key != "seed"})

    @property
    def matched(self) -> dict[str, Any]:
        """What runs must share to stand side by side: all but objective, its rates and updates, seed and regime."""
        own = {"objective", "optimizer", "seed", "regime"}
        shared = {key: value for key, value in self.identity().items() if key not in own}
        optimizer = self.optimizer.identity()  # of the corrections that came later, the one that is on
        return shared | {name: optimizer[name] for name in ("kind", *CORRECTIONS) if name in optimizer}

    @property
    def match_key(self) -> str:
        return digest(self.matched)


def digest(content: Mapping[str, Any]) -> str:
    """Ten hex digits of the canonical JSON of ``content``."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted keys."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
