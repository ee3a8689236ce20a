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
from transformers import PreTrainedModel

from evaluators.types import Framing
from harness.errors import HarnessError
from harness.models.adapters import adapters_off, has_adapters, plain_like, plain_weights
from harness.models.hidden import BatchLayout, hidden_states
from harness.models.parallel import as_a_pass, units_of, whole
from harness.models.sequences import Sequences
from harness.models.size import ModelSize
from harness.models.token_logp import token_logp

BARE = Framing()


class Policy:
    """A causal language model with its tokenizer, sampled and trained at one temperature.

    The model stays in evaluation mode, because with dropout the trained policy would differ from the sampled one.
    Forward passes compute in ``dtype``, independent of the precision of stored weights. Log-probabilities are float32.
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
        layout: BatchLayout = "whole",
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.temperature = temperature
        self.dtype = dtype
        self._template_args = dict(template_args or {})
        self.layout = layout
        """How batches pass, see :mod:`harness.models.trial`."""
        self._base = base
        """Whether this is the model with its adapters switched off."""

    @property
    def device(self) -> torch.device:
        found: torch.device = self.model.device
        return found

    @property
    def decoder(self) -> Any:
        """The model without its output layer."""
        parts = (self.model.get_decoder(), self.model.base_model, getattr(self.model, "model", None))
        inner = (part for part in parts if isinstance(part, PreTrainedModel) and part is not self.model)
        return next(inner, self.model)  # some classes return their output layer or themselves as decoder

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
        """The largest number of tokens of the model; None if its config names no limit.

        If the model changes its rotary factors at some length (LongRoPE), this length is the limit. Beyond it, keys
        would depend on the lengths of other sequences in the batch, and a cache would mix keys of both kinds.
        """
        text = self.model.config.get_text_config()
        named = [getattr(text, "max_position_embeddings", None), *_rotary_switches(text)]
        return min((limit for limit in named if limit), default=None)

    @functools.cached_property
    def adapted(self) -> bool:
        """Whether adapters are trained instead of all weights."""
        return has_adapters(self.model)

    def reference(self) -> "Policy":
        """A frozen reference with the current weights: the base of the adapters, or a copy."""
        model = self.model if self.adapted else frozen_copy(self.model, self.dtype)
        return Policy(
            model,
            self.tokenizer,
            self.temperature,
            dtype=self.dtype,
            template_args=self._template_args,
            base=self.adapted,
            layout=self.layout,
        )

    def precision(self) -> AbstractContextManager[Any]:
        """A context in which matrix products are computed in ``dtype``."""
        low = self.dtype is not torch.float32
        return torch.autocast(self.device.type, self.dtype) if low else nullcontext()

    @contextmanager
    def in_effect(self) -> Iterator[None]:
        """A context in which passes of ``model`` have this policy's precision, and no adapters if it is the base."""
        with self.precision(), adapters_off(self.model) if self._base else nullcontext():
            yield

    @property
    def chats(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return self.tokenizer.chat_template is not None

    def encode(self, prompt: str, framing: Framing = BARE) -> tuple[int, ...]:
        """The ids of a prompt. If there is a chat template and ``framing`` asks for it, the prompt is the user's turn.

        Raises:
            HarnessError: the tokenizer cannot encode the prompt, its template refuses the framing, or the model does
            not
                know one of the tokens.
        """
        try:
            if self.chats and framing.chat:
                ids = self._in_chat(prompt, framing)
            else:
                ids = tuple(self.tokenizer.encode(_as_text(prompt, framing)))
        except Exception as error:  # tokenizers and templates raise plain exceptions
            raise HarnessError(
                f"this model's tokenizer cannot read the prompt {prompt[:60]!r} ({error}); use another task or model"
            ) from error
        if (last := max(ids, default=0)) >= (known := self.model.get_input_embeddings().weight.shape[0]):
            raise HarnessError(
                f"this model's tokenizer gives token {last} for the prompt {prompt[:60]!r}, but the model only has "
                f"{known} tokens; use the tokenizer that the model was trained with"
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
        """Tokens that end a completion: those of the tokenizer and of the model's generation config."""
        named = self.model.generation_config.eos_token_id
        named = named if isinstance(named, list) else [named]
        return tuple(sorted({i for i in (self.tokenizer.eos_token_id, *named) if i is not None}))

    def logp(self, sequences: Sequences) -> Tensor:
        """[B, T] float32 log-probability of each sampled token, and 0 on padding. Full softmax of logits / temperature.

        Logits are only computed at positions of completions, in chunks.
        """
        return as_a_pass(self.model, self._logp, sequences)

    def _logp(self, sequences: Sequences) -> Tensor:
        here = sequences.to(self.device)
        with self.in_effect():
            before = hidden_states(self.decoder, here, here.mask, self.layout)
            head = self.model.get_output_embeddings()
            flat = token_logp(head, self.temperature, before, here.completions[here.mask])
        return flat.new_zeros(here.mask.shape).masked_scatter(here.mask, flat)

    def fingerprint(self) -> str:
        """A hash of the exact weights, which does not depend on the number of devices."""
        total = sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            total.update(name.encode())
            total.update(whole(tensor.detach()).cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return total.hexdigest()[:16]

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """The state dict of a plain model. Active adapters are merged, without changing the policy.

        If the model is sharded, all ranks must iterate together, and all get each whole tensor.
        """
        return ((name, whole(tensor.detach())) for name, tensor in plain_weights(self.model, merged=not self._base))

    def save(self, directory: Path, *, writes: bool = True) -> None:
        """Save a transformers directory with safetensors, config and tokenizer. Adapters are merged.

        If the model is sharded, all ranks must call this. Only the rank that ``writes`` holds more than one tensor at a
        time in main memory.
        """
        model = self._plain(kept=writes) if self.adapted or units_of(self.model) else self.model
        if writes:
            model.save_pretrained(directory)
            self.tokenizer.save_pretrained(directory)

    def _plain(self, *, kept: bool) -> Any:
        """The whole model in main memory, without adapters, and without weights if they are not ``kept``."""
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
    sets = [given, *(one for one in given.values() if isinstance(one, dict))]  # some models have one per kind of layer
    return [one["original_max_position_embeddings"] for one in sets if one.get("rope_type") == "longrope"]


def _as_text(prompt: str, framing: Framing) -> str:
    """The prompt without a chat template."""
    if framing.examples:
        raise ValueError("solved examples as turns need a chat template; set task.few_shot_as=text")
    return (f"{framing.system}\n\n" if framing.system else "") + prompt + framing.prefill


def frozen_copy(model: Any, dtype: torch.dtype) -> Any:
    """A copy without gradients. Its linear layers are stored in ``dtype``, to which autocast would convert them.

    Everything else is unchanged. If passes of the copy differed from those of the model by rounding, objectives would
    learn from the difference.
    """
    copied = copy.deepcopy(model).requires_grad_(False)
    for layer in copied.modules():
        if isinstance(layer, nn.Linear):  # a tied output layer gets its own weights
            layer.weight = nn.Parameter(layer.weight.to(dtype), requires_grad=False)
    return copied
