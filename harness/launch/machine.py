"""Resolving ``auto`` on this machine: device, precision and engine, with reasons. A run's config has the results."""

from collections.abc import Collection

import torch
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from harness.config.run_config import SuiteConfig
from harness.config.settings import ComputeSettings, ModelSettings
from harness.errors import HarnessError
from harness.launch.devices import NO_GPU
from harness.models.loading import load_shape
from harness.records.provenance import VLLM_BUILDS, vllm_version

LEAST_HEAD_ON_CPU = 32
"""With smaller heads, vLLM's attention on the CPU fails at the first request."""

ROUNDED = (
    "vLLM samples from merged adapters, and bfloat16 would round away small changes; use --engine vllm to accept this"
)


def settle(suite: SuiteConfig, *, here: bool = True) -> tuple[SuiteConfig, list[str]]:
    """The suite with all ``auto`` settings resolved, and a line on each choice. See :func:`settle_model`."""
    model, compute, reasons = settle_model(suite.model, suite.compute, adapted=suite.policy.lora is not None, here=here)
    return suite.model_copy(update={"model": model, "compute": compute}), reasons


def settle_model(
    model: ModelSettings, compute: ComputeSettings, *, adapted: bool, here: bool = True
) -> tuple[ModelSettings, ComputeSettings, list[str]]:
    """Both with all ``auto`` settings resolved, and a line on each choice and its reason.

    ``adapted``: whether adapters are trained.

    ``here``: this machine computes. If not, other machines may have the GPU that it lacks.

    Raises:
        HarnessError: a requested device or engine is not available.
    """
    engine, reasons = compute.engine, []
    if model.device == "auto":
        found = "cuda" if torch.cuda.is_available() else "cpu"
        why = torch.cuda.get_device_name() if found == "cuda" else "torch sees no GPU"
        reasons.append(f"device {found}: {why}")
        model = model.model_copy(update={"device": found})
    elif model.device == "cuda" and not torch.cuda.is_available():
        if here:
            raise HarnessError(f"{NO_GPU}; use model.device=auto")
        if model.dtype == "auto":
            raise HarnessError(
                f"{NO_GPU} here, so it cannot tell what model.dtype=auto is; set model.dtype=bfloat16 for GPUs of "
                "other machines, or use model.device=auto"
            )
    if model.dtype == "auto":
        fast = _gpu_has_bfloat16() if model.device == "cuda" else cpu_has_bfloat16()
        why = f"the {model.device} has {'instructions' if fast else 'no instructions'} for bfloat16"
        model = model.model_copy(update={"dtype": "bfloat16" if fast else "float32"})
        reasons.append(f"precision {model.dtype}: {why}")
    unsuited = _why_not_vllm(model) if engine in ("auto", "vllm") else None
    if engine == "auto":
        rounded = ROUNDED if adapted and model.dtype == "bfloat16" else None
        engine = "transformers" if unsuited or rounded else "vllm"
        reasons.append(f"engine {engine}: {unsuited or rounded or 'vLLM is installed and supports model and device'}")
    elif unsuited:
        raise HarnessError(f"compute.engine is vllm, but {unsuited}; use --engine auto")
    return model, compute.model_copy(update={"engine": engine}), reasons


def _why_not_vllm(model: ModelSettings) -> str | None:
    """Why vLLM cannot run this model here; None if it can."""
    build = VLLM_BUILDS[model.device]
    if vllm_version(model.device) is None:
        return f"vLLM for the {model.device} is not installed (pip install '.[{build}]')"
    shape = load_shape(model.path)
    architecture = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(shape.model_type, shape.model_type)
    if architecture not in _architectures():
        return f"vLLM does not support the architecture of {model.path}, {architecture}"
    inner = shape.get_text_config()
    head = getattr(inner, "head_dim", None) or inner.hidden_size // inner.num_attention_heads
    if model.device == "cpu" and head < LEAST_HEAD_ON_CPU:
        return f"vLLM's attention on the CPU needs a head size of {LEAST_HEAD_ON_CPU} or more; {model.path} has {head}"
    return None


def _architectures() -> Collection[str]:
    from vllm.model_executor.models.registry import ModelRegistry

    return ModelRegistry.get_supported_archs()  # type: ignore[no-any-return]


def cpu_has_bfloat16() -> bool:
    """Whether the cores of this machine have instructions for bfloat16, instead of emulating it."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _gpu_has_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
