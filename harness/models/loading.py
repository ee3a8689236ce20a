"""Models: from the embedded ones, local directories, GGUF files and the hub to a policy on its device."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, StrictDataclassError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig
from transformers.utils import logging as transformers_logging

from harness.config.settings import ModelSettings, PolicySettings
from harness.errors import HarnessError, one_line
from harness.models.adapters import add_adapters
from harness.models.attention import PLAIN
from harness.models.checks import refuse_adapters, refuse_broken_weights, refuse_other_weights, refuse_unsavable
from harness.models.policy import Policy
from harness.models.trial import shares_prompts

transformers_logging.disable_progress_bar()  # it would run through the bars of the runs

HUB_SECONDS = 5.0


def load_policy(settings: ModelSettings, temperature: float, training: PolicySettings | None = None) -> Policy:
    """The model that ``settings`` names, on its device; all weights are trained unless ``training`` says otherwise.

    Raises:
        HarnessError: the path is missing or no causal language model, the hub cannot be reached, its files hold
            something else than the model and all of it, or its log-probabilities are not right as they are computed.
    """
    assert "auto" not in (settings.device, settings.dtype), "settled beforehand, see harness.launch.machine"
    training = training or PolicySettings()
    source, extra = locate(settings.path)
    dtype = getattr(torch, settings.dtype)
    stored = dtype if training.lora else torch.float32  # an optimiser's small steps are lost in bfloat16
    with refusing(settings.path):
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **extra)
        if settings.chat_template != "auto":
            tokenizer.chat_template = _template(settings.chat_template)
        if extra:
            extra |= {"quantization_config": GgufConfig(dequantize=True)}
        else:
            extra = {"use_safetensors": True}
        model, report = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=stored,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the report, by name
            **extra,
        )
        refuse_adapters(settings.path, model)
        refuse_other_weights(settings.path, report)
        refuse_broken_weights(settings.path, model)
        model.generation_config = _tokens_of(model.generation_config)
        if (settings.device, dtype) == ("cpu", torch.float32) and model.config._attn_implementation == "sdpa":
            model.set_attn_implementation(PLAIN)
        if training.lora:
            add_adapters(model, training.lora)
            refuse_unsavable(settings.path, model)
        if training.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
    policy = Policy(
        model.to(settings.device), tokenizer, temperature, dtype=dtype, template_args=settings.chat_template_args
    )
    policy.shares_prompts = shares_prompts(policy, settings.path)
    return policy


def _template(named: str) -> str | None:
    """The text of a chat template; None for ``off``."""
    if named == "off":
        return None
    try:
        return Path(named).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(
            f"model.chat_template: {named} is no text file ({error}); give auto, off, or the path of a template"
        ) from error


def load_shape(path: str) -> Any:
    """The transformers config of a model: its shape without its weights.

    Raises:
        HarnessError: as :func:`load_policy`.
    """
    source, extra = locate(path)
    with refusing(path):
        return AutoConfig.from_pretrained(source, trust_remote_code=False, **extra)


def load_without_weights(path: str, dtype: torch.dtype) -> Any:
    """The model on torch's meta device.

    Raises:
        HarnessError: as :func:`load_policy`.
    """
    shape = load_shape(path)
    with refusing(path), torch.device("meta"):
        return AutoModelForCausalLM.from_config(shape, dtype=dtype)


def _tokens_of(author: GenerationConfig) -> GenerationConfig:
    """The special tokens of the author's settings and nothing else: how to sample is the suite's to say."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return GenerationConfig(**{name: getattr(author, name, None) for name in names})


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """What cannot be made of a model is one sentence."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, StrictDataclassError) as error:
        reason = one_line(error)[:300]
        raise HarnessError(f"cannot load the model {path}: {reason}") from error


def embedded_models() -> list[str]:
    return sorted(f"embedded:{folder.name}" for folder in (files("harness") / "embedded" / "assets").iterdir())


def locate(path: str) -> tuple[str, dict[str, Any]]:
    """What ``from_pretrained`` is given for a model path.

    Raises:
        HarnessError: nothing is there, or the hub does not say so.
    """
    if path.startswith("embedded:"):
        directory = Path(str(files("harness") / "embedded" / "assets" / path.removeprefix("embedded:")))
        if not directory.is_dir():
            raise HarnessError(f"no embedded model {path!r}; there are: {', '.join(embedded_models())}")
        return str(directory), {}
    local = Path(path).expanduser()
    if local.suffix == ".gguf":
        if not local.is_file():
            raise HarnessError(f"no model file {path}; give --model an existing .gguf file")
        return str(local.parent), {"gguf_file": local.name}
    if local.is_dir():
        if not (local / "config.json").is_file():
            raise HarnessError(f"{path} is not a model: it holds no config.json")
        return str(local), {}
    if local.is_file():
        raise HarnessError(f"{path} is a file, but not .gguf; give --model a directory, a .gguf file or a hub id")
    if path.count("/") > 1 or path.startswith((".", "~", "/")):
        raise HarnessError(f"no model at {path}; give --model a directory, a .gguf file or a hub id")
    if not huggingface_hub.constants.HF_HUB_OFFLINE:
        _ask_hub(path)
    return path, {}


def _ask_hub(path: str) -> None:
    """Fail at once where the hub has no such model or is out of reach; loading would first retry for a minute."""
    try:
        huggingface_hub.HfApi().model_info(path, timeout=HUB_SECONDS)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise HarnessError(
            f"the hub has no model {path} that you may read; give --model a directory, a .gguf file or a hub id"
        ) from error
    except Exception as error:  # of several libraries and their versions: no network, no answer
        raise HarnessError(
            f"cannot load the hub model {path}: the hub cannot be reached ({type(error).__name__}); give --model "
            "a local directory or .gguf file, or set HF_HUB_OFFLINE=1 to use a cached copy"
        ) from error
