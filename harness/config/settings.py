"""Sections of a suite's YAML file: model, policy, task, rollout, evaluation and compute."""

from importlib.metadata import EntryPoint
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from algorithms.later import LATER
from evaluators import plugins
from evaluators.names import suggestion
from evaluators.tasks import asks_itself
from harness.config.complaints import refuse_truth_values

PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
TopP = Annotated[float, Field(gt=0, le=1)]
"""Sample from the most likely tokens that together have this probability. 1 means all tokens."""
TopK = Annotated[int, Field(ge=0)]
"""Sample from this number of most likely tokens. 0 means all tokens."""

PLACE: Final = "where a run is computed, not what it is"
"""Marks a setting that does not enter ids, as in ``devices: Annotated[int, PLACE] = 1``. A run can be resumed with
another value, and can be compared with runs of other values. The journal records the values."""


class Settings(BaseModel):
    """Settings are frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        refuse_truth_values(value, cls.model_fields[str(info.field_name)].annotation)
        return value

    def has_default(self, name: str) -> bool:
        """Whether a setting has its default."""
        return bool(getattr(self, name) == type(self).model_fields[name].get_default(call_default_factory=True))

    def identity(self) -> dict[str, Any]:
        """The settings that ids and keys are hashed from, as JSON.

        Settings marked ``LATER`` are left out if they have their defaults, so that new settings do not change the ids
        of older runs. Settings marked ``PLACE`` are always left out.
        """
        content = self.model_dump(mode="json")
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            later = LATER in info.metadata and self.has_default(name)
            if later or PLACE in info.metadata:
                del content[name]
            elif isinstance(value, Settings):
                content[name] = value.identity()
        return content


class ModelSettings(Settings):
    """The model that training starts from."""

    path: str
    """``embedded:NAME``, a local directory, a ``.gguf`` file, or a hub id."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """The precision of forward passes. Trained weights and log-probabilities are always float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    chat_template: Annotated[str, LATER] = "auto"
    """``auto`` uses the tokenizer's own template, if it has one. ``off`` uses none. Or give the path of a file with a
    Jinja template."""
    chat_template_args: Annotated[dict[str, Any], LATER] = {}
    """Further arguments of the template, such as ``enable_thinking: false``."""


class LoraSettings(Settings):
    """Low-rank adapters on every linear layer except the output layer (Hu et al. 2021, arXiv 2106.09685)."""

    rank: PositiveInt
    alpha: Positive = 32.0
    """The product of an adapter is scaled by ``alpha / rank``."""


class PolicySettings(Settings):
    """Which weights are trained, and how memory is saved."""

    lora: LoraSettings | None = None
    """Train low-rank adapters instead of all weights. The reference is then the model without them."""
    gradient_checkpointing: Literal[False, True, "selective"] = False
    """Recompute each layer in the backward pass instead of keeping its activations. ``selective`` keeps the results of
    matrix products and recomputes the rest."""


FormatName = Literal["auto", "boxed", "hash", "answer_line", "few_shot", "own"]


class TaskSettings(Settings):
    """The problems, how the model is asked, and how its answers are graded."""

    name: str
    data: str | None = None
    """A local file or directory. Without it, the task generates or downloads its problems."""
    options: dict[str, Any] = {}
    grading: Literal["strict", "lenient"] = "strict"
    """The verdict that counts as reward and as accuracy. ``strict`` only reads the answer after its marker; ``lenient``
    reads it anywhere."""
    format: Annotated[FormatName, LATER] = "auto"
    """How problems are asked, and where answers are expected: see :mod:`evaluators.formats`. ``auto`` is ``own`` if
    ``options`` has a prompt, or if the problems are already prompts and there is no chat template. Otherwise it is
    ``boxed`` with a chat template, and ``hash`` without one."""
    system: Annotated[str | None, LATER] = None
    """A system message."""
    few_shot: Annotated[int | None, Field(ge=0), LATER] = None
    """The number of solved examples in each prompt. They are the first training problems, and are then not trained on.
    By default the answer format decides."""
    few_shot_as: Annotated[Literal["auto", "turns", "text"], LATER] = "auto"
    """Whether the solved examples are earlier turns of a chat or part of the prompt's text. ``auto`` uses turns if
    there is a chat template."""
    prefill: Annotated[str, LATER] = ""
    """Text that begins the assistant's turn."""

    @model_validator(mode="after")
    def _one_prompt(self) -> "TaskSettings":
        if asks_itself(self.name, self.options) and self.format not in ("auto", "own"):
            raise ValueError(
                f"format={self.format} and options.prompt both say how problems are asked; remove one of them"
            )
        return self


class RolloutSettings(Settings):
    """How completions are sampled for one rollout batch."""

    prompts: PositiveInt = 32
    group_size: PositiveInt = 8
    max_prompt_tokens: PositiveInt = 512
    """The longest prompt that is accepted. Engines reserve memory for it."""
    temperature: Positive = 1.0
    max_tokens: PositiveInt = 128
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Strings that end a completion, in addition to those of the answer format."""
    offline_completions: PositiveInt = 4096
    """The size of the fixed set in the offline regime, a multiple of ``group_size``."""
    reference_samples: Annotated[PositiveInt, LATER] = 8
    """Reference completions per prompt, if the objective uses their rewards. They count towards the budget."""


class EvaluationSettings(Settings):
    """Validation accuracy during training, and test accuracy before and after it."""

    shares: tuple[Fraction, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """The shares of the budget at which the validation split is evaluated. 0 and 1 are always among them."""
    validation_problems: PositiveInt = 128
    validation_samples: PositiveInt = 2
    test_problems: PositiveInt = 500
    test_samples: PositiveInt = 4
    top_p: Annotated[TopP, LATER] = 1.0
    """For evaluations only. Training samples from the full softmax."""
    top_k: Annotated[TopK, LATER] = 0

    @field_validator("shares")
    @classmethod
    def _both_ends(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted({0.0, *shares, 1.0}))


BUILT_IN_ENGINES = ("auto", "transformers", "vllm")


def added_engines() -> dict[str, EntryPoint]:
    """Engines of other packages, by name."""
    return plugins.plugins_of(plugins.ENGINES, BUILT_IN_ENGINES)


def _known_engine(name: str) -> str:
    names = [*BUILT_IN_ENGINES, *added_engines()]
    if name not in names:
        raise ValueError(f"there is no engine {name!r}{suggestion(name, names)}; the engines are {', '.join(names)}")
    return name


EngineName = Annotated[str, AfterValidator(_known_engine)]


class ComputeSettings(Settings):
    """How the run is computed. Threads and micro-batches can change the last bits of a number."""

    engine: EngineName = "auto"
    threads: PositiveInt = 1
    micro_batch_tokens: PositiveInt = 16384
    """The most tokens in one training micro-batch, with padding. A group is never split."""
    sample_batch: PositiveInt = 512
    """The most completions that are sampled at the same time, but at least those of one prompt."""
    kv_cache_gib: Positive | None = None
    """vLLM's memory for keys and values. By default it holds ``sample_batch`` sequences of the longest length."""
    devices: Annotated[PositiveInt, PLACE] = 1
    """The number of devices that one run uses, with a process on each."""
    parallel: Annotated[Literal["replicate", "shard"], PLACE] = "replicate"
    """How a run uses several devices. With ``replicate``, each holds all weights. With ``shard``, each holds a part and
    gathers the rest during each update."""
    reshard: Annotated[bool, PLACE] = False
    """With ``shard``: gather one layer at a time, for models whose whole weights and gradients do not fit on a device.
    This takes longer, and the pass over a prompt is repeated for each of its completions."""
    checkpoints: Annotated[bool, PLACE] = True
    """Save the state at every evaluation. With AdamW it has twelve bytes per trained parameter. Without it, a run that
    is cut off starts again from the beginning."""

    @model_validator(mode="after")
    def _shards_to_gather(self) -> "ComputeSettings":
        if self.reshard and self.parallel != "shard":
            raise ValueError(f"reshard needs parallel=shard, but parallel is {self.parallel}")
        return self
