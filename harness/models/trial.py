"""A trial of a model on a few sequences before use: computed log-probabilities must match the model's own.

The model's own log-probabilities come from its logits for a single sequence, without padding, cache or batch. The
sequences have different lengths, and are longer than every window in the model's config. So the trial finds models that
use absolute positions, that see later tokens, or that change their logits after the output layer.
"""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.errors import HarnessError, one_line
from harness.models.adapters import idle_adapters
from harness.models.checks import listed
from harness.models.hidden import BatchLayout, keeps_all_places
from harness.models.parallel import layers_of
from harness.models.policy import Policy
from harness.models.recomputing import nothing_recomputed, partly_recomputed, recomputed
from harness.models.sequences import Sequences

Ids = tuple[int, ...]

REACH = 320
"""Longer windows are not tested. For models that have them, the pass over a prompt is not shared."""
SHORT, LONG = 3, 17
"""The numbers of tokens of the two prompts, unless a window requires more."""
COMPLETIONS = (9, 2, 5, 8)
"""The numbers of tokens of the completions, two for each prompt. They start with different tokens."""
LOGIT = 20.0
"""The approximate largest logit of a trained model. Smaller logits would hide errors."""
BOUNDS = {torch.float32: 5e-3, torch.bfloat16: 0.3}
"""The largest differences in nats per token at such logits, by the precision of the pass.

In float32 this holds for every token. In bfloat16 single tokens differ by more, so it holds for their mean. We measured
6e-5 in float32, and a mean of 0.05 in bfloat16. Wrong passes differ by whole nats, and in bfloat16 by at least 0.15.
With the logits of Qwen2.5-Coder-0.5B, on an H200, padded passes in bfloat16 differ from float32 by 0.09 on average, and
packed passes from padded ones by 0.01."""
IN_DOUBT = 1 / 3
"""Between this share of the bounds and the bounds, a model is accepted, but only in the layout ``whole``."""
PACKS = {("cuda", torch.bfloat16)}
"""Devices and precisions for which torch has a kernel without padding."""
GRADIENT = 0.1
"""The largest relative difference between gradients of packed and of padded passes. In bfloat16 we measured 0.04."""
AGAIN = 1e-3
"""The largest relative difference in float32 between gradients with and without recomputed layers. On a CPU there is
none. In bfloat16, the bound is ``GRADIENT``."""


def batch_layout_of(policy: Policy, path: str) -> BatchLayout:
    """The fastest layout of batches whose results are right.

    Raises:
        HarnessError: the model's log-probabilities are wrong, however they are computed.
    """
    prompts = trial_prompts(policy)
    ids = np.random.default_rng(1).permutation(ordinary_tokens(policy))
    completions = [tuple(np.resize(np.roll(ids, -i), n).tolist()) for i, n in enumerate(COMPLETIONS)]
    pairs = [(prompts[i // 2], completion) for i, completion in enumerate(completions)]
    with torch.no_grad():
        try:
            with idle_adapters(policy.model) as idle:
                first = policy.model(input_ids=_row(policy, *pairs[0])).logits
        except Exception as error:  # a model's own code may raise anything
            raise _refused(path, f"it does not run on a prompt of text ({named(error)})") from error
        if idle:
            raise _refused(path, f"it does not call the layers that hold adapters: {listed(idle)}")
        if not first.isfinite().all():
            raise _refused(path, "its logits are not finite")
        with _enlarged(policy, LOGIT / max(float(first.abs().max()), 1e-6)):
            layout = _compared(policy, path, pairs)
            recomputes = recomputed(policy.model) or partly_recomputed(policy.model)
            if recomputes and (why := _why_not_recomputed(policy, pairs, layout)):
                raise HarnessError(
                    f"{path} cannot be trained with policy.gradient_checkpointing: {why}; set it to false"
                )
            return layout


def trial_prompts(policy: Policy, room: int | None = None) -> list[Ids]:
    """A short and a long prompt. The long one exceeds every window, if ``room`` allows it."""
    limit = min(room or REACH * 2, policy.context_limit or REACH * 2) - max(COMPLETIONS)
    reached = max([LONG, *(window + SHORT for window in windows(policy.model.config) if window <= REACH)])
    ids = np.random.default_rng(0).choice(ordinary_tokens(policy), max(1, min(reached, limit)))
    return [tuple(ids[:length].tolist()) for length in (min(SHORT, len(ids)), len(ids))]


def ordinary_tokens(policy: Policy) -> list[int]:
    """All tokens of ordinary text, without special tokens."""
    special = {*policy.tokenizer.all_special_ids, *_named(policy.model.config, "token_id")}
    size = policy.model.get_input_embeddings().weight.shape[0]
    return [i for i in range(min(size, len(policy.tokenizer))) if i not in special] or list(range(size))


def windows(config: Any) -> set[int]:
    """Numbers of positions in the config that limit what a layer sees, or after which its attention changes."""
    text = config.get_text_config()
    return {*_named(text, "window"), *_named(text, "chunk_size"), *_named(text, "window_size")}


def named(error: Exception) -> str:
    """An exception with its type, on one line."""
    return one_line(f"{type(error).__name__}: {error}")[:300]


def _named(config: Any, ending: str) -> set[int]:
    """Whole numbers in the config whose names have this ending."""
    values = [value for name, value in config.to_dict().items() if name.endswith(ending)]
    single = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return {one for one in single if isinstance(one, int) and not isinstance(one, bool) and one > 0}


def _compared(policy: Policy, path: str, pairs: list[tuple[Ids, Ids]]) -> BatchLayout:
    alone = [policy.model(input_ids=_row(policy, *pair)).logits[0].float() for pair in pairs]
    for one, other, (prompt, _) in zip(alone[::2], alone[1::2], pairs[::2], strict=True):
        ahead, again = (logits[: len(prompt)].log_softmax(-1) for logits in (one, other))
        if apart(ahead, again, stored_in(policy)):
            raise _refused(path, "it is not causal: its output for a token depends on later tokens")
    expected = torch.cat([_logp(logits, *pair) for logits, pair in zip(alone, pairs, strict=True)])
    if not _agrees(policy, pairs[:1], expected[: COMPLETIONS[0]], "whole", path):
        raise _refused(path, "it changes hidden states before its output layer, or logits after it")
    if not _agrees(policy, pairs, expected, "whole", path):
        raise _refused(path, "its output for a sequence depends on other sequences of the batch")
    far = any(window > REACH for window in windows(policy.model.config))
    if far or not keeps_all_places(policy.decoder.config):
        return "whole"
    recomputes = bool(recomputed(policy.model))  # such layers keep no cache, so prompts are not shared
    packed: BatchLayout = "packed_whole" if recomputes else "packed"
    if (policy.device.type, policy.dtype) in PACKS:
        if not (why := _why_padded(policy, pairs, packed)):
            return packed
        warnings.warn(f"{path} trains with padding, which may take longer: {why}", stacklevel=2)
    return "shared" if not recomputes and _agrees(policy, pairs, expected, "shared", path) else "whole"


def _agrees(policy: Policy, pairs: list[tuple[Ids, Ids]], expected: Tensor, layout: BatchLayout, path: str) -> bool:
    """Whether padded passes give the log-probabilities of single sequences.

    Autocast is off, because its rounding would hide errors.
    """
    try:
        found = _found(policy, pairs, torch.float32, layout)
    except Exception as error:
        if layout != "whole":
            return False
        raise _refused(path, f"its hidden states are not accessible ({named(error)})") from error
    return not apart(found, expected, stored_in(policy), 1.0 if layout == "whole" else IN_DOUBT)


def _why_padded(policy: Policy, pairs: list[tuple[Ids, Ids]], layout: BatchLayout) -> str:
    """Why the passes of this layout without padding are not used. Empty if they give the results of padded passes.

    Both have autocast, which the kernel needs. In bfloat16, padded passes differ from float32 by rounding, too.
    """
    try:
        padded, packed = (_found(policy, pairs, policy.dtype, each) for each in ("whole", layout))
        if apart(packed, padded, policy.dtype, IN_DOUBT):
            return "without padding, its log-probabilities are wrong"
        if not _same_gradients(policy, pairs, layout):
            return "without padding, its gradients are wrong"
    except Exception as error:  # there may be no kernel for these shapes, or only one without a backward pass
        return named(error)
    return ""


def _found(policy: Policy, pairs: list[tuple[Ids, Ids]], dtype: torch.dtype, layout: BatchLayout) -> Tensor:
    """Log-probabilities [N] of all tokens. Layers that are recomputed as a whole are tried as in training."""
    sequences = Sequences.of(pairs)
    with torch.set_grad_enabled(bool(recomputed(policy.model))):
        return _tried(policy, dtype, layout).logp(sequences)[sequences.mask.to(policy.device)].detach()


def _tried(policy: Policy, dtype: torch.dtype, layout: BatchLayout) -> Policy:
    return Policy(policy.model, policy.tokenizer, 1.0, dtype=dtype, layout=layout)


def _same_gradients(policy: Policy, pairs: list[tuple[Ids, Ids]], layout: BatchLayout) -> bool:
    """Whether packed and padded passes have the same gradients of the last layer, which rounding disturbs least."""
    last = [policy.decoder, *layers_of(policy.decoder)][-1]
    weights = [weight for weight in last.parameters() if weight.requires_grad]
    if not weights or not (padded := _gradient(policy, pairs, weights, "whole")).norm():
        return False
    packed = _gradient(policy, pairs, weights, layout)
    return bool((packed - padded).norm() <= GRADIENT * padded.norm())


def _gradient(policy: Policy, pairs: list[tuple[Ids, Ids]], weights: list[nn.Parameter], layout: BatchLayout) -> Tensor:
    found = torch.autograd.grad(_total(policy, pairs, layout), weights, materialize_grads=True)
    return torch.cat([gradient.flatten().float() for gradient in found])


def _total(policy: Policy, pairs: list[tuple[Ids, Ids]], layout: BatchLayout) -> Tensor:
    """The sum of all log-probabilities, with its graph."""
    with torch.enable_grad():
        return _tried(policy, policy.dtype, layout).logp(Sequences.of(pairs)).sum()


def _why_not_recomputed(policy: Policy, pairs: list[tuple[Ids, Ids]], layout: BatchLayout) -> str:
    """Why gradients depend on which activations are kept, for example if layers have a state. Empty if they do not."""
    with nothing_recomputed(policy.model):
        expected = _norms_and_sums(policy, pairs, layout)
    try:
        found = _norms_and_sums(policy, pairs, layout)
    except Exception as error:  # layers may compute something else the second time
        return named(error)
    if policy.dtype is torch.float32:
        same = (found - expected).abs() <= AGAIN * expected[:, :1]
    else:
        same = (found - expected).norm(dim=0) <= GRADIENT * expected.norm(dim=0)
    return "" if same.all() else "with recomputed layers, its gradients are wrong"


def _norms_and_sums(policy: Policy, pairs: list[tuple[Ids, Ids]], layout: BatchLayout) -> Tensor:
    """Norms and sums [W, 2] of the gradients of all trained weights. Each gradient is dropped at once."""
    total = _total(policy, pairs, layout)
    weights = [weight for weight in policy.model.parameters() if weight.requires_grad]
    found = torch.zeros(len(weights), 2, device=total.device)

    def note(place: int, weight: Tensor) -> None:
        gradient, weight.grad = weight.grad, None
        assert gradient is not None
        found[place, 0], found[place, 1] = gradient.float().norm(), gradient.float().sum()

    with ExitStack() as stack:
        for place, weight in enumerate(weights):
            stack.callback(setattr, weight, "grad", weight.grad)
            weight.grad = None
            stack.callback(weight.register_post_accumulate_grad_hook(partial(note, place)).remove)
        total.backward()  # type: ignore[no-untyped-call]
    return found


def apart(one: Tensor, other: Tensor, dtype: torch.dtype, share_of_bound: float = 1.0) -> bool:
    """Whether log-probabilities differ by more than rounding in this precision, at logits of realistic size."""
    gap = (one - other).abs()
    found = float(gap.max() if dtype is torch.float32 else gap.mean())
    return not found <= BOUNDS[dtype] * share_of_bound  # nan counts as different


def _logp(logits: Tensor, prompt: Ids, completion: Ids) -> Tensor:
    """Log-probabilities [T] of a completion, from logits [S, V]."""
    return logits[len(prompt) - 1 : -1].log_softmax(-1)[range(len(completion)), list(completion)]


def stored_in(policy: Policy) -> torch.dtype:
    """The precision of the stored weights, in which passes compute without autocast."""
    found: torch.dtype = policy.model.get_output_embeddings().weight.dtype
    return found


def _row(policy: Policy, prompt: Ids, completion: Ids) -> Tensor:
    return torch.tensor([[*prompt, *completion]], device=policy.device)


@contextmanager
def _enlarged(policy: Policy, factor: float) -> Iterator[None]:
    """A context in which the logits of the output layer are scaled up, but never down."""
    head = policy.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda module, given, logits: logits * max(1.0, factor))
    try:
        yield
    finally:
        hook.remove()


def _refused(path: str, why: str) -> HarnessError:
    return HarnessError(f"{path} cannot be used here: {why}; choose another model")
