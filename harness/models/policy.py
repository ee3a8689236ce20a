"""The policy in training and its frozen reference: log-probabilities of completions."""

import copy
import functools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from evaluators.types import Framing
from harness.errors import HarnessError
from harness.models.adapters import adapters_off, has_adapters, plain_like, plain_weights
from harness.models.hidden import hidden_states
from harness.models.parallel import as_a_pass, units_of, whole
from harness.models.sequences import Sequences
from harness.models.size import ModelSize

BARE = Framing()
LOGITS_AT_ONCE = 1 << 24
"""Logits of one chunk. Larger chunks are recomputed in the backward pass instead of being kept."""


class Policy:
    """A causal language model with its tokenizer, sampled and trained at one temperature.

    The model stays in evaluation mode: dropout would make the trained policy another than the sampled one.
    Forward passes compute in ``dtype``, whatever the weights are stored in; log-probabilities are float32.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        temperature: float,
        *,
        dtype: torch.dtype = torch.float32,
        template_args: Mapping[str, Any] | None = None,
        base: bool = False,
        shares_prompts: bool = False,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.temperature = temperature
        self.dtype = dtype
        self._template_args = dict(template_args or {})
        self.shares_prompts = shares_prompts
        """Whether a prompt passes once for all its completions; see :mod:`harness.models.trial`."""
        self._base = base
        """Whether this is the model with its adapters off."""

    @property
    def device(self) -> torch.device:
        found: torch.device = self.model.device
        return found

    @property
    def decoder(self) -> Any:
        """The model without its output layer."""
        parts = (self.model.get_decoder(), self.model.base_model, getattr(self.model, "model", None))
        inner = (part for part in parts if isinstance(part, PreTrainedModel) and part is not self.model)
        return next(inner, self.model)  # some classes call their output layer or themselves the decoder

    @functools.cached_property
    def size(self) -> ModelSize:
        config = self.model.config.get_text_config()
        embedding = self.model.get_input_embeddings().weight
        tied = self.model.get_output_embeddings().weight is embedding
        weights = [p for p in self.model.parameters() if tied or p is not embedding]
        return ModelSize(
            parameters=sum(p.numel() for p in weights),
            trained=sum(p.numel() for p in weights if p.requires_grad),
            layers=config.num_hidden_layers,
            width=config.hidden_size,
        )

    @property
    def context_limit(self) -> int | None:
        """Tokens that the model takes at most, where its config names a limit.

        Where it changes its rotary factors at some length (LongRoPE), that is the limit: behind it what a token's key
        is would depend on how long the sequences beside it are, and a cache keeps keys of both kinds.
        """
        text = self.model.config.get_text_config()
        named = [getattr(text, "max_position_embeddings", None), *_rotary_switches(text)]
        return min((limit for limit in named if limit), default=None)

    @functools.cached_property
    def adapted(self) -> bool:
        """Whether adapters are trained instead of all weights."""
        return has_adapters(self.model)

    def reference(self) -> "Policy":
        """The policy as it is now, for good: the base of the adapters, or a copy."""
        model = self.model if self.adapted else frozen_copy(self.model, self.dtype)
        return Policy(
            model,
            self.tokenizer,
            self.temperature,
            dtype=self.dtype,
            template_args=self._template_args,
            base=self.adapted,
            shares_prompts=self.shares_prompts,
        )

    def precision(self) -> AbstractContextManager[Any]:
        """Inside, matrix products are computed in ``dtype``."""
        low = self.dtype is not torch.float32
        return torch.autocast(self.device.type, self.dtype) if low else nullcontext()

    @contextmanager
    def in_effect(self) -> Iterator[None]:
        """Inside, passes of ``model`` are this policy's: in its precision, without adapters where it is the base."""
        with self.precision(), adapters_off(self.model) if self._base else nullcontext():
            yield

    @property
    def chats(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return self.tokenizer.chat_template is not None

    def encode(self, prompt: str, framing: Framing = BARE) -> tuple[int, ...]:
        """Prompt ids; as the user's turn of a chat where the tokenizer has a chat template and ``framing`` wants it.

        Raises:
            HarnessError: the prompt holds what the tokenizer does not know, its template refuses the framing, or the
                model does not know one of its tokens.
        """
        try:
            if self.chats and framing.chat:
                ids = self._in_chat(prompt, framing)
            else:
                ids = tuple(self.tokenizer.encode(_as_text(prompt, framing)))
        except Exception as error:  # of the tokenizer or of its template, which raise bare ones
            raise HarnessError(
                f"this model's tokenizer cannot read the prompt {prompt[:60]!r} ({error}); use another task or model"
            ) from error
        if (last := max(ids, default=0)) >= (known := self.model.get_input_embeddings().weight.shape[0]):
            raise HarnessError(
                f"this model's tokenizer gives token {last} for the prompt {prompt[:60]!r}, and the model knows "
                f"{known}; use the tokenizer it was trained with"
            )
        return ids

    def _in_chat(self, prompt: str, framing: Framing) -> tuple[int, ...]:
        turns = [{"role": "system", "content": framing.system}] if framing.system else []
        for question, answer in framing.examples:
            turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        turns.append({"role": "user", "content": prompt})
        template = functools.partial(
            self.tokenizer.apply_chat_template, turns, add_generation_prompt=True, **self._template_args
        )
        if framing.prefill:
            return tuple(self.tokenizer.encode(template(tokenize=False) + framing.prefill, add_special_tokens=False))
        return tuple(template(return_dict=True)["input_ids"])

    @functools.cached_property
    def eos_ids(self) -> tuple[int, ...]:
        """Tokens that end a completion: the tokenizer's, and those that the model's author names."""
        named = self.model.generation_config.eos_token_id
        named = named if isinstance(named, list) else [named]
        return tuple(sorted({i for i in (self.tokenizer.eos_token_id, *named) if i is not None}))

    def logp(self, sequences: Sequences) -> Tensor:
        """[B, T] float32 log-probability of each sampled token, 0 on padding; full softmax of logits / temperature.

        Logits are made at completion positions only, chunk by chunk.
        """
        return as_a_pass(self.model, self._logp, sequences)

    def _logp(self, sequences: Sequences) -> Tensor:
        here = sequences.to(self.device)
        with self.in_effect():
            before = hidden_states(self.decoder, here, here.mask, share=self.shares_prompts)
            flat = self._token_logp(before, here.completions[here.mask])
        return flat.new_zeros(here.mask.shape).masked_scatter(here.mask, flat)

    def _token_logp(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """[N, H], [N] -> [N]"""
        head = self.model.get_output_embeddings()
        size = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
        if len(tokens) <= size:
            return _logp_of(head, self.temperature, hidden, tokens)
        chunks = zip(torch.split(hidden, size), torch.split(tokens, size), strict=True)
        return torch.cat([checkpoint(_logp_of, head, self.temperature, h, y, use_reentrant=False) for h, y in chunks])

    def fingerprint(self) -> str:
        """A hash of all weights, bit for bit; the same however many devices hold them."""
        total = sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            total.update(name.encode())
            total.update(whole(tensor.detach()).cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return total.hexdigest()[:16]

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """The state dict of a plain model: adapters that count are merged on the way, the policy stays as it is.

        Where the model is in shards, all ranks ask for each tensor in turn, and get all of it.
        """
        return ((name, whole(tensor.detach())) for name, tensor in plain_weights(self.model, merged=not self._base))

    def save(self, directory: Path, *, writes: bool = True) -> None:
        """A transformers directory: safetensors, config and tokenizer; adapters merged.

        Where the model is in shards, all ranks take part, and the one that ``writes`` alone has more than a tensor at
        a time, in main memory.
        """
        model = self._plain(kept=writes) if self.adapted or units_of(self.model) else self.model
        if writes:
            model.save_pretrained(directory)
            self.tokenizer.save_pretrained(directory)

    def _plain(self, *, kept: bool) -> Any:
        """The model in main memory, without adapters and in one piece; without its weights if they are not ``kept``."""
        weights = {}
        for name, tensor in self.weights():
            if kept:
                weights[name] = tensor.float().cpu()
        model = plain_like(self.model)
        if kept:
            model.load_state_dict(weights, assign=True)
            model.tie_weights()
            model.generation_config = self.model.generation_config
        return model


def _rotary_switches(config: Any) -> list[int]:
    given = getattr(config, "rope_parameters", None) or {}
    sets = [given, *(one for one in given.values() if isinstance(one, dict))]  # some have one for each kind of layer
    return [one["original_max_position_embeddings"] for one in sets if one.get("rope_type") == "longrope"]


def _as_text(prompt: str, framing: Framing) -> str:
    """The prompt without a chat template."""
    if framing.examples:
        raise ValueError("solved examples as turns need a chat template; set task.few_shot_as=text")
    return (f"{framing.system}\n\n" if framing.system else "") + prompt + framing.prefill


def frozen_copy(model: Any, dtype: torch.dtype) -> Any:
    """A copy without gradients; its linear layers are stored in ``dtype``, as autocast converts them in each pass.

    All else stays as it is: a copy whose passes differ from the model's by rounding would be another reference,
    and objectives would learn from the difference.
    """
    copied = copy.deepcopy(model).requires_grad_(False)
    for layer in copied.modules():
        if isinstance(layer, nn.Linear):  # a tied output layer gets weights of its own
            layer.weight = nn.Parameter(layer.weight.to(dtype), requires_grad=False)
    return copied


def _logp_of(head: nn.Module, temperature: float, hidden: Tensor, tokens: Tensor) -> Tensor:
    """[N, H], [N] -> [N] float32"""
    logits: Tensor = head(hidden).float()
    scaled = logits if temperature == 1 else logits / temperature
    return -nn.functional.cross_entropy(scaled, tokens, reduction="none")
