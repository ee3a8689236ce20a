"""The policy in training and its frozen reference: loading, and log-probabilities of completions."""

import copy
import functools
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging as transformers_logging

from harness.budget import ModelSize
from harness.collate import Sequences
from harness.config import ModelSettings
from harness.errors import HarnessError

transformers_logging.disable_progress_bar()  # it would run through the bars of the runs

HUB_SECONDS = 5.0
LOGITS_AT_ONCE = 1 << 24
"""Logits of one chunk. Larger chunks are recomputed in the backward pass instead of being kept."""


class Policy:
    """A causal language model with its tokenizer, sampled and trained at one temperature.

    The model stays in evaluation mode: dropout would make the trained policy another than the sampled one.
    """

    def __init__(self, model: Any, tokenizer: Any, temperature: float) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.temperature = temperature

    @property
    def device(self) -> torch.device:
        found: torch.device = self.model.device
        return found

    @functools.cached_property
    def size(self) -> ModelSize:
        config = self.model.config.get_text_config()
        embedding = self.model.get_input_embeddings().weight
        tied = self.model.get_output_embeddings().weight is embedding
        count = sum(p.numel() for p in self.model.parameters()) - (0 if tied else embedding.numel())
        return ModelSize(parameters=count, layers=config.num_hidden_layers, width=config.hidden_size)

    def frozen_copy(self) -> "Policy":
        """The reference: the same weights, without gradients."""
        return Policy(copy.deepcopy(self.model).requires_grad_(False), self.tokenizer, self.temperature)

    def encode(self, prompt: str) -> tuple[int, ...]:
        """Prompt ids; as the user's turn of a chat where the tokenizer has a chat template."""
        if self.tokenizer.chat_template is None:
            return tuple(self.tokenizer.encode(prompt))
        turns = [{"role": "user", "content": prompt}]
        encoded = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)
        return tuple(encoded["input_ids"])

    @functools.cached_property
    def eos_ids(self) -> tuple[int, ...]:
        """Tokens that end a completion: the tokenizer's, and those that the model's author names."""
        named = self.model.generation_config.eos_token_id
        named = named if isinstance(named, list) else [named]
        return tuple(sorted({i for i in (self.tokenizer.eos_token_id, *named) if i is not None}))

    def logp(self, sequences: Sequences) -> Tensor:
        """[B, T] float32 log-probability of each sampled token, 0 on padding; full softmax of logits / temperature.

        Padding is on the right of a causal model, so real tokens never see it and no mask is needed. Logits
        are made at completion positions only, chunk by chunk.
        """
        ids = sequences.input_ids.to(self.device)
        rows, places = sequences.rows.to(self.device), sequences.places.to(self.device)
        hidden = self.model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
        flat = self._token_logp(hidden[rows, places - 1], ids[rows, places])
        mask = sequences.mask.to(self.device)
        return flat.new_zeros(mask.shape).masked_scatter(mask, flat)

    def _token_logp(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """[N, H], [N] -> [N]"""
        head = self.model.get_output_embeddings()
        size = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
        if len(tokens) <= size:
            return _logp_of(head, self.temperature, hidden, tokens)
        chunks = zip(torch.split(hidden, size), torch.split(tokens, size), strict=True)
        return torch.cat([checkpoint(_logp_of, head, self.temperature, h, y, use_reentrant=False) for h, y in chunks])

    def fingerprint(self) -> str:
        """A hash of all weights, bit for bit."""
        total = sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            total.update(name.encode())
            total.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return total.hexdigest()[:16]

    def save(self, directory: Path) -> None:
        """A transformers directory: safetensors, config and tokenizer."""
        self.model.save_pretrained(directory)
        self.tokenizer.save_pretrained(directory)


def _logp_of(head: nn.Module, temperature: float, hidden: Tensor, tokens: Tensor) -> Tensor:
    """[N, H], [N] -> [N] float32"""
    logits: Tensor = head(hidden).float() / temperature
    return logits.gather(-1, tokens[:, None]).squeeze(-1) - logits.logsumexp(-1)


def load_policy(settings: ModelSettings, temperature: float) -> Policy:
    """The model that ``settings`` names, on its device.

    Raises:
        HarnessError: the path is missing or no causal language model, the hub cannot be reached, or the model
            changes its logits behind the output layer, which :meth:`Policy.logp` does not follow.
    """
    source, extra = locate(settings.path)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise HarnessError("model.device is cuda, but torch sees no GPU; use model.device=auto")
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **extra)
        if extra:
            extra |= {"quantization_config": GgufConfig(dequantize=True)}
        else:
            extra = {"use_safetensors": True}
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=getattr(torch, settings.dtype), trust_remote_code=False, **extra
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise HarnessError(f"cannot load the model {settings.path}: {reason}") from error
    policy = Policy(model.to(device), tokenizer, temperature)
    _check_head(policy, settings.path)
    return policy


def locate(path: str) -> tuple[str, dict[str, Any]]:
    """What ``from_pretrained`` is given for a model path.

    Raises:
        HarnessError: nothing is there, or the hub does not say so.
    """
    if path.startswith("embedded:"):
        directory = Path(str(files("harness") / "assets" / path.removeprefix("embedded:")))
        if not directory.is_dir():
            raise HarnessError(f"no embedded model {path!r}; there is: embedded:tiny-arithmetic")
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


@torch.inference_mode()
def _check_head(policy: Policy, path: str) -> None:
    ids = torch.arange(min(8, policy.model.config.vocab_size), device=policy.device)[None]
    whole = policy.model(input_ids=ids).logits
    own = policy.model.get_output_embeddings()(policy.model.get_decoder()(input_ids=ids).last_hidden_state)
    if not torch.allclose(whole, own, atol=1e-3):
        raise HarnessError(f"{path} transforms its logits behind the output layer, which is not supported yet")
