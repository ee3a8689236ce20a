"""The sections of a suite's YAML: each setting once, with its default and its meaning."""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from algorithms.later import LATER
from evaluators import plugins
from evaluators.names import suggestion
from evaluators.tasks import asks_itself
from harness.config.complaints import refuse_truth_values
from harness.config.regime import RegimeSpec

PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
TopP = Annotated[float, Field(gt=0, le=1)]
"""Draw from the likeliest tokens that together have this probability; 1: from all."""
TopK = Annotated[int, Field(ge=0)]
"""Draw from so many of the likeliest tokens; 0: from all."""

PLACE: Final = "where a run is computed, not what it is"
"""Marks a setting that enters no id, ``devices: Annotated[int, PLACE] = 1``: a run is taken up under another value,
and stands in one table with those of another. Its journal says what it was each time."""


class Settings(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        refuse_truth_values(value, cls.model_fields[str(info.field_name)].annotation)
        return value

    def identity(self) -> dict[str, Any]:
        """What ids and keys are hashed from: all settings as JSON, without those marked ``LATER`` at their defaults.

        So a setting that is added later leaves the ids of older runs as they are. Those marked ``PLACE`` never enter.
        """
        content = self.model_dump(mode="json")
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            later = LATER in info.metadata and value == info.get_default(call_default_factory=True)
            if later or PLACE in info.metadata:
                del content[name]
            elif isinstance(value, Settings):
                content[name] = value.identity()
        return content


class ModelSettings(Settings):
    """Where training starts."""

    path: str
    """``embedded:NAME``, a local directory, a ``.gguf`` file, or a hub id."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """What forward passes compute in. Trained weights and log-probabilities are float32 always."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    chat_template: Annotated[str, LATER] = "auto"
    """``auto``: the tokenizer's own, where it has one; ``off``; or a file that holds a Jinja template."""
    chat_template_args: Annotated[dict[str, Any], LATER] = {}
    """What the template is told besides the conversation, such as ``enable_thinking: false``."""


class LoraSettings(Settings):
    """Low-rank adapters on every linear layer but the output layer (Hu et al. 2021, arXiv 2106.09685)."""

    rank: PositiveInt
    alpha: Positive = 32.0
    """An adapter's product is scaled by ``alpha / rank``."""


class PolicySettings(Settings):
    """What of the model is trained, and how its memory is spared."""

    lora: LoraSettings | None = None
    """Without it, all weights are trained; with it, the reference is the base with its adapters off."""
    gradient_checkpointing: bool = False
    """Compute each layer again in the backward pass instead of keeping its activations."""


FormatName = Literal["auto", "boxed", "hash", "answer_line", "few_shot", "own"]


class TaskSettings(Settings):
    """The problems, how they are asked, and how an answer is graded."""

    name: str
    data: str | None = None
    """A local file or directory; without it the task generates or downloads its problems."""
    options: dict[str, Any] = {}
    grading: Literal["strict", "lenient"] = "strict"
    """Which of the grader's verdicts is reward and accuracy: the answer behind its marker, or anywhere."""
    format: Annotated[FormatName, LATER] = "auto"
    """How problems are asked, and where their answers are looked for: see :mod:`evaluators.formats`. ``auto`` is
    ``own`` where ``options`` has a prompt, or where the task's problems are prompts already and there is no chat
    template; else ``boxed`` where there is a chat template, and ``hash`` where there is none."""
    system: Annotated[str | None, LATER] = None
    """A system message."""
    few_shot: Annotated[int | None, Field(ge=0), LATER] = None
    """Solved examples in each prompt, the first training problems, which are then not trained on. By default as many
    as the format has."""
    few_shot_as: Annotated[Literal["auto", "turns", "text"], LATER] = "auto"
    """Earlier turns of a chat, or part of the prompt's text. ``auto``: turns where there is a chat template."""
    prefill: Annotated[str, LATER] = ""
    """The start of the assistant's turn."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "TaskSettings":
        if asks_itself(self.name, self.options) and self.format not in ("auto", "own"):
            raise ValueError(
                f"format={self.format} and options.prompt both say how problems are asked; drop one of them"
            )
        return self


class RolloutSettings(Settings):
    """What is sampled for one rollout batch."""

    prompts: PositiveInt = 32
    group_size: PositiveInt = 8
    max_prompt_tokens: PositiveInt = 512
    """Longest prompt that is accepted; engines reserve memory for it."""
    temperature: Positive = 1.0
    max_tokens: PositiveInt = 128
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What ends a completion, besides what the answer format names."""
    offline_completions: PositiveInt = 4096
    """Size of the fixed set of the offline regime, a multiple of ``group_size``."""
    reference_samples: Annotated[PositiveInt, LATER] = 8
    """Completions of the reference for each prompt, of objectives that ask what they earn; these count as completions.
    """


class EvaluationSettings(Settings):
    """Accuracy while training (validation split), and at its two ends (test split)."""

    shares: tuple[Fraction, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the budget at which the validation split is evaluated; 0 and 1 always are."""
    validation_problems: PositiveInt = 128
    validation_samples: PositiveInt = 2
    test_problems: PositiveInt = 500
    test_samples: PositiveInt = 4
    top_p: Annotated[TopP, LATER] = 1.0
    """Of the evaluations alone: training samples the full softmax."""
    top_k: Annotated[TopK, LATER] = 0

    @field_validator("shares")
    @classmethod
    def _both_ends(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted({0.0, *shares, 1.0}))


BUILT_IN_ENGINES = ("auto", "transformers", "vllm")


def _known_engine(name: str) -> str:
    names = [*BUILT_IN_ENGINES, *plugins.plugins_of(plugins.ENGINES, BUILT_IN_ENGINES)]
    if name not in names:
        raise ValueError(f"there is no engine {name!r}{suggestion(name, names)}; the engines are {', '.join(names)}")
    return name


EngineName = Annotated[str, AfterValidator(_known_engine)]


class ComputeSettings(Settings):
    """How it is computed. Threads and micro-batches can change the last bits of a number."""

    engine: EngineName = "auto"
    threads: PositiveInt = 1
    micro_batch_tokens: PositiveInt = 16384
    """Padded tokens in one training micro-batch; a group is never split."""
    sample_batch: PositiveInt = 512
    """Completions that are sampled side by side."""
    kv_cache_gib: Positive | None = None
    """vLLM's memory for keys and values; by default what ``sample_batch`` longest sequences need."""
    devices: Annotated[PositiveInt, PLACE] = 1
    """One run over so many, a process each."""
    parallel: Annotated[Literal["replicate", "shard"], PLACE] = "replicate"
    """What of the weights each device holds: ``replicate``: all of them. ``shard``: its part, and all of them while
    passes are made."""
    reshard: Annotated[bool, PLACE] = False
    """Of ``shard``, where whole weights and their gradients do not fit beside the rest: passes gather one layer at a
    time. It takes longer, and each completion passes with a copy of its prompt."""

    @model_validator(mode="after")
    def _shards_to_gather(self) -> "ComputeSettings":
        if self.reshard and self.parallel != "shard":
            raise ValueError(f"reshard is for parallel=shard, not for parallel={self.parallel}; set one otherwise")
        return self


class ConstraintSettings(Settings):
    """A limit on a measured quantity, held by a Lagrange multiplier around any objective.

    Fields as in :class:`algorithms.constrained.Constrained`.
    """

    quantity: Literal["length", "kl"]
    limit: float
    rate: float | None = None
    damping: float | None = None


class RobustSettings(Settings):
    """Prompts weighed as under the worst distribution near the step's, around any objective.

    Fields as in :class:`algorithms.robust.Robust`.
    """

    kind: Literal["kl", "chi_square", "cvar"]
    radius: float


Control = Literal["frozen", "random_reward"]
"""``frozen`` is never updated: what evaluation noise is. ``random_reward`` is rewarded by a coin: what training
on format and entropy alone buys."""
CONTROLS: tuple[Control, ...] = get_args(Control)


class TunedSettings(Settings):
    """What an objective's tuning decides."""

    fields: dict[str, Any] = {}
    """The objective's own hyperparameters; those left out keep their defaults."""
    optimizer: dict[str, Any] = {}
    """Overrides of the suite's ``optimizer``."""


def _check_ranges(space: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    for name, (low, high) in space.items():
        section, _, key = name.partition(".")
        if section not in TunedSettings.model_fields or not key:
            raise ValueError(f"{name} is neither optimizer.NAME nor fields.NAME")
        if low >= high:
            raise ValueError(f"the range of {name} is empty: {low:g} to {high:g}")
    return space


Space = Annotated[dict[str, tuple[Positive, Positive]], AfterValidator(_check_ranges)]
"""Ranges of a tuning, searched by their logarithm, by what they are of: ``optimizer.NAME`` or ``fields.NAME``."""


class ArmSettings(TunedSettings):
    """What a suite sets for one arm of the comparison alone."""

    like: str | None = None
    """The arm of this suite whose settings this one takes, in every regime, below its own."""
    objective: str | None = None
    """Which objective the arm trains; by default the one it is named after."""
    regimes: dict[str, TunedSettings] = {}
    """What is otherwise in a regime, by its name; regimes that are not named take the settings above."""
    constraint: ConstraintSettings | None = None
    robust: RobustSettings | None = None
    control: Control | None = None
    space: Space = {}
    """What ``harness tune`` searches for this arm beside the suite's ``tuning.space``."""

    @field_validator("regimes")
    @classmethod
    def _canonical(cls, regimes: dict[str, TunedSettings]) -> dict[str, TunedSettings]:
        return {str(RegimeSpec.parse(name)): settings for name, settings in regimes.items()}


class TuningSettings(Settings):
    """How ``harness tune`` searches: the same points for every objective, judged on the validation split alone."""

    space: Space = {}
    """For every arm; an objective takes the ranges of its own fields and leaves the others."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (1000,)
    """Of a trial's runs; none that a leaderboard uses."""
    validation_problems: PositiveInt = 512

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("the same seed stands there twice")
        return seeds
