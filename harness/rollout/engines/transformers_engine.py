"""Sampling with transformers, on any device.

This does not use ``model.generate``, which draws from torch's global generator, keeps all logits to get
log-probabilities, prefills a prompt once per completion, and computes finished rows to the end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from harness.models.attention import TOGETHER
from harness.models.hidden import common_beginning
from harness.models.parallel import gathered
from harness.models.policy import Policy, frozen_copy
from harness.models.sequences import mask_of, per_token
from harness.rollout.engines.engine import Sampling, completion_of, ending_ids
from harness.rollout.engines.roomy_cache import keeps_all, repeat_rows, roomy_cache, select_rows
from harness.rollout.groups import Completion

TAKE_BOOLEANS = ("sdpa", TOGETHER)
"""Attention implementations with boolean masks. Others add the mask to the scores."""
STOP_WINDOW = 16
"""The number of trailing tokens that are searched for a stop string, or more for a longer one."""


class TransformersEngine:
    """Samples from the model in training itself.

    If weights are stored in a higher precision than that of the passes, the engine has a copy with converted weights.
    Otherwise all weights would be converted for each token. The copy shares the weights that need no conversion, and it
    is empty between :meth:`release` and :meth:`sync`.
    """

    def __init__(self, policy: Policy, *, sample_batch: int) -> None:
        self._policy = policy
        self._sample_batch = sample_batch
        converts = policy.dtype is not torch.float32 and not policy.adapted
        self._copy = frozen_copy(policy.model, policy.dtype) if converts else None
        self._empty = False

    @property
    def _model(self) -> Any:
        return self._policy.model if self._copy is None else self._copy

    def sync(self, policy: Policy) -> None:
        self._policy = policy
        if self._copy is not None:
            held = self._copy.state_dict(keep_vars=True)
            for name, tensor in policy.weights():
                held[name].data = tensor.to(held[name].dtype)
        self._empty = False

    def release(self) -> None:
        if self._copy is not None:
            for held in self._copy.state_dict(keep_vars=True).values():
                held.data = held.data.new_empty(0)
        self._empty = True

    def generate(
        self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, seed: int, first: int = 0
    ) -> list[tuple[Completion, ...]]:
        """See :class:`RolloutEngine`. Each completion has its own random numbers, whatever else is sampled.

        All weights of a sharded policy are gathered for this, by all ranks, even those without prompts.
        """
        if self._empty:
            self.sync(self._policy)
        shape = (first + len(prompts), n, sampling.max_tokens)
        noise = torch.from_numpy(np.random.default_rng(seed).random(shape, np.float32)[first:])
        by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        together = max(1, self._sample_batch // n)
        done: dict[int, tuple[Completion, ...]] = {}
        with gathered(self._model):
            for start in range(0, len(prompts), together):
                chunk = by_length[start : start + together]
                part = [prompts[i] for i in chunk]
                with self._policy.in_effect(), self._as_trained():
                    ids, logp, lengths = self._sample(part, n, sampling, noise[chunk].flatten(0, 1))
                rows = zip(ids.tolist(), logp.tolist(), lengths.tolist(), strict=True)
                completions = [completion_of(self._policy, row[:end], of[:end], sampling) for row, of, end in rows]
                done |= {i: tuple(completions[k * n : (k + 1) * n]) for k, i in enumerate(chunk)}
        return [done[i] for i in range(len(prompts))]

    @contextmanager
    def _as_trained(self) -> Iterator[None]:
        """A context in which the weights of a frozen copy require gradients, like a policy's.

        Torch chooses the order of a matrix product by this flag. Reference and policy with equal weights should give
        exactly the same results.
        """
        whole = self._copy is None and not self._policy.adapted
        marked = [p for p in self._model.parameters() if whole and not p.requires_grad]
        for parameter in marked:
            parameter.requires_grad_(True)
        try:
            yield
        finally:
            for parameter in marked:
                parameter.requires_grad_(False)

    @torch.inference_mode()
    def _sample(
        self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Prompts of R/n problems and noise [R, max_tokens] -> tokens and log-probs [R, max_tokens], lengths [R]."""
        model, device = self._model, self._policy.device
        noise = noise.to(device)
        cache = roomy_cache(model.config)
        mask, logits = _prefilled(model, prompts, cache, sharing=self._policy.layout == "shared")
        repeat_rows(cache, n, torch.arange(len(mask), device=device).repeat_interleave(n))
        mask, logits = mask.repeat_interleave(n, 0), logits.repeat_interleave(n, 0)
        tokens = torch.zeros(noise.shape, dtype=torch.long, device=device)
        logps = torch.zeros_like(noise)
        lengths = torch.zeros(len(noise), dtype=torch.long, device=device)
        alive = torch.arange(len(noise), device=device)
        eos = torch.tensor(ending_ids(self._policy, sampling), device=device)
        for t in range(sampling.max_tokens):
            token, logp = draw(logits, noise[alive, t], sampling)
            tokens[alive, t], logps[alive, t] = token, logp
            lengths[alive] = t + 1
            keep = ~torch.isin(token, eos) & ~self._stopped(tokens[alive, : t + 1], sampling.stop)
            left = int(keep.sum())  # the only time in a step that the processor waits for the device
            if t + 1 == sampling.max_tokens or not left:
                break
            if left < len(keep):
                rows = _gaps_closed(keep)
                select_rows(cache, rows)
                alive, mask, token = alive[rows], mask[rows], token[rows]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            logits = _next_logits(model, token[:, None], mask, cache)
        return tokens.cpu(), logps.cpu(), lengths.cpu()

    def _stopped(self, tokens: Tensor, stop: tuple[str, ...]) -> Tensor:
        """[R, t] -> [R] whether a stop string has just been completed."""
        if not stop:
            return tokens.new_zeros(len(tokens), dtype=torch.bool)
        window = max(STOP_WINDOW, *(len(text.encode()) for text in stop))  # a token may be a single byte
        tails = self._policy.tokenizer.batch_decode(tokens[:, -window:], skip_special_tokens=True)
        return torch.tensor([any(s in tail for s in stop) for tail in tails], device=tokens.device)


def draw(logits: Tensor, noise: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Inverse-CDF sampling: logits [R, V], uniform noise [R] in [0, 1) -> tokens [R] and log-probabilities [R].

    Each draw uses one number, so that policies with equal distributions draw equal tokens.
    """
    if sampling.temperature == 0:
        logp, token = logits.float().log_softmax(-1).max(-1)
        return token, logp
    log_probs = (logits.float() / sampling.temperature).log_softmax(-1)
    if sampling.top_k or sampling.top_p < 1:
        log_probs = _likeliest(log_probs, sampling).log_softmax(-1)
    cdf = log_probs.exp().cumsum(-1)
    token = torch.searchsorted(cdf, noise[:, None] * cdf[:, -1:], right=True).clamp_max(logits.shape[-1] - 1)
    return token.squeeze(-1), log_probs.gather(-1, token).squeeze(-1)


def _likeliest(log_probs: Tensor, sampling: Sampling) -> Tensor:
    """Log-probabilities [R, V] with -inf for all tokens outside ``top_k``, and then outside ``top_p``."""
    ordered, order = log_probs.sort(-1, descending=True)
    if sampling.top_k:
        ordered[:, sampling.top_k :] = -torch.inf
    probs = ordered.softmax(-1)
    before = probs.cumsum(-1) - probs
    ordered[before >= sampling.top_p] = -torch.inf
    return torch.empty_like(log_probs).scatter_(-1, order, ordered)


def _gaps_closed(keep: Tensor) -> Tensor:
    """The order of the rows to keep: they stay in place, and the last ones fill the gaps of removed rows."""
    kept = keep.nonzero().squeeze(-1)
    rows = torch.arange(len(kept), device=keep.device)
    rows[~keep[: len(kept)]] = kept[kept >= len(kept)]
    return rows


def _left_pad(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Left-padded ids and their mask, [P, longest]."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    return ids, mask


def _prefilled(
    model: Any, prompts: Sequence[Sequence[int]], cache: DynamicCache, *, sharing: bool
) -> tuple[Tensor, Tensor]:
    """Pass the prompts into the cache. Returns a mask [P, longest] and logits [P, V] of the next tokens.

    ``sharing``: what all prompts begin with passes once. Some models count the padding between it and the rest, such as
    those with a sliding window. Only the layout ``shared`` proves that a model does not.
    """
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    beginning = common_beginning(per_token(prompts, mask_of(lengths)), lengths) if sharing else 0
    ids, mask = _left_pad([prompt[beginning:] for prompt in prompts], model.device)
    if beginning:
        first = torch.tensor([prompts[0][:beginning]], device=model.device)
        _next_logits(model, first, torch.ones_like(first), cache)
        repeat_rows(cache, len(prompts), torch.zeros(len(prompts), dtype=torch.long, device=model.device))
        mask = torch.cat([mask.new_ones(len(prompts), beginning), mask], 1)
    return mask, _next_logits(model, ids, mask, cache)


def _next_logits(model: Any, ids: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
    """The logits [R, V] of the next token, from ids [R, s] that follow the cache and a mask [R, all]."""
    positions = (mask.cumsum(-1) - 1).clamp_min(0)[:, -ids.shape[1] :]
    # Without sliding windows, the mask of one token is simple. This is faster than transformers' own mask.
    plain = ids.shape[1] == 1 and keeps_all(cache) and model.config._attn_implementation in TAKE_BOOLEANS
    logits: Tensor = model(
        input_ids=ids,
        attention_mask=mask.bool()[:, None, None] if plain else mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits
    return logits[:, -1]
