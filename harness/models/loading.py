"""Loading models: embedded ones, local directories, GGUF files and models of the hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig
from transformers.utils import logging as transformers_logging

from harness.config.settings import ModelSettings, PolicySettings
from harness.errors import HarnessError, one_line
from harness.models.adapters import add_adapters
from harness.models.attention import TOGETHER
from harness.models.checks import refuse_adapters, refuse_broken_weights, refuse_other_weights, refuse_unsavable
from harness.models.policy import Policy
from harness.models.recomputing import recompute_layers
from harness.models.trial import batch_layout_of

transformers_logging.disable_progress_bar()  # it would disturb the progress bars of runs

HUB_SECONDS = 5.0


def load_policy(settings: ModelSettings, temperature: float, training: PolicySettings | None = None) -> Policy:
    """The model that ``settings`` names, on its device. All weights are trained, unless ``training`` says otherwise.

    Raises:
        HarnessError: the path does not exist or is not a causal language model, the hub cannot be reached, the files do
            not contain exactly the model, or the model's log-probabilities are computed wrongly.
    """
    assert "auto" not in (settings.device, settings.dtype), "auto must be resolved before, see harness.launch.machine"
    training = training or PolicySettings()
    source, extra = locate(settings.path)
    dtype = getattr(torch, settings.dtype)
    stored = dtype if training.lora else torch.float32  # bfloat16 would lose the small steps of an optimiser
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
            ignore_mismatched_sizes=True,  # they are reported by name
            **extra,
        )
        refuse_adapters(settings.path, model)
        refuse_other_weights(settings.path, report)
        refuse_broken_weights(settings.path, model)
        model.generation_config = _tokens_of(model.generation_config)
        if settings.device == "cpu" and model.config._attn_implementation == "sdpa":
            model.set_attn_implementation(TOGETHER)
        if training.lora:
            add_adapters(model, training.lora)
            refuse_unsavable(settings.path, model)
        if training.gradient_checkpointing:
            recompute_layers(model, training.gradient_checkpointing)
    _without_cudnn()
    policy = Policy(
        model.to(settings.device), tokenizer, temperature, dtype=dtype, template_args=settings.chat_template_args
    )
    policy.layout = batch_layout_of(policy, settings.path)
    return policy


def _without_cudnn() -> None:
    """Switch off cuDNN's attention in this process; torch has other kernels.

    On Hopper GPUs its gradients with a mask are not finite if all scores of a query are very low and the number of keys
    leaves a remainder of 64 when divided by 128 (https://github.com/pytorch/pytorch/issues/196678). Qwen2.5 has such a
    head, and its runs diverged after a few steps.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)


def _template(named: str) -> str | None:
    """The text of a chat template, or None for ``off``."""
    if named == "off":
        return None
    try:
        return Path(named).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(
            f"model.chat_template: {named} is not a text file ({error}); give auto, off, or the path of a template"
        ) from error


def load_shape(path: str) -> Any:
    """The transformers config of a model, which has its shape without its weights.

    Raises:
        HarnessError: as for :func:`load_policy`.
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
    """Only the special tokens of the author's generation config. The suite decides how to sample."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return GenerationConfig(**{name: getattr(author, name, None) for name in names})


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """Turn errors in loading a model into one sentence."""
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:  # the libraries check little, so a damaged file can raise anything
        reason = one_line(error)[:300]
        raise HarnessError(f"cannot load the model {path}: {reason}") from error


def embedded_models() -> list[str]:
    return sorted(f"embedded:{folder.name}" for folder in (files("harness") / "embedded" / "assets").iterdir())


def locate(path: str) -> tuple[str, dict[str, Any]]:
    """The arguments of ``from_pretrained`` for a model path.

    Raises:
        HarnessError: there is no such model, or the hub cannot be reached.
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
            raise HarnessError(f"{path} is not a model: it has no config.json")
        return str(local), {}
    if local.is_file():
        raise HarnessError(f"{path} is not a .gguf file; give --model a directory, a .gguf file or a hub id")
    if path.count("/") > 1 or path.startswith((".", "~", "/")):
        raise HarnessError(f"no model at {path}; give --model a directory, a .gguf file or a hub id")
    if not huggingface_hub.constants.HF_HUB_OFFLINE:
        _ask_hub(path)
    return path, {}


def _ask_hub(path: str) -> None:
    """Fail immediately if the hub has no such model or cannot be reached. Loading would first retry for a minute."""
    try:
        huggingface_hub.HfApi().model_info(path, timeout=HUB_SECONDS)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise HarnessError(
            f"the hub has no model {path} that you can access; give --model a directory, a .gguf file or a hub id"
        ) from error
    except Exception as error:  # several libraries raise different errors without network or answer
        raise HarnessError(
            f"cannot load the hub model {path}: the hub cannot be reached ({type(error).__name__}); give --model "
            "a local directory or .gguf file, or set HF_HUB_OFFLINE=1 to use a cached copy"
        ) from error
