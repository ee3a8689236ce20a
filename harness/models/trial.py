"""A model is tried on a few sequences before it is used: what is computed must be what the model itself says.

What it itself says are its own logits of one sequence alone, without padding, cache or batch. The sequences are
ragged, and longer than every window of places that the model's config names, so that a model whose layers count
places, see what is to come, or change their logits behind the output layer shows it here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import HarnessError, one_line
from harness.models.adapters import idle_adapters
from harness.models.checks import listed
from harness.models.hidden import keeps_all_places
from harness.models.policy import Policy
from harness.models.sequences import Sequences

Ids = tuple[int, ...]

REACH = 320
"""Longer windows are not reached: prompts of models that have one pass with every completion."""
SHORT, LONG = 3, 17
"""Tokens of the prompts, where no window asks for more."""
COMPLETIONS = (9, 2, 5, 8)
"""Tokens of the completions, two of each prompt; but for its length each begins otherwise."""
LOGIT = 20.0
"""The largest logit of a trained model is about that; smaller ones would hide what is wrong."""
BOUNDS = {torch.float32: 5e-3, torch.bfloat16: 0.3}
"""Nats by which a token may differ at such logits, by the precision of the pass; a wrong pass errs by whole nats.
In float32 every token; in bfloat16, where single tokens differ by more, their mean.

Seen were 6e-5 in float32, and a mean of 0.05 in bfloat16; the least that a wrong pass erred there was 0.15."""
IN_DOUBT = 1 / 3
"""Of these bounds, where a model is not refused but its prompts pass with every completion."""


def shares_prompts(policy: Policy, path: str) -> bool:
    """Whether prompts may pass once for all their completions.

    Raises:
        HarnessError: the model's log-probabilities are not right, however they are computed.
    """
    prompts = trial_prompts(policy)
    ids = np.random.default_rng(1).permutation(ordinary_tokens(policy))
    completions = [tuple(np.resize(np.roll(ids, -i), n).tolist()) for i, n in enumerate(COMPLETIONS)]
    pairs = [(prompts[i // 2], completion) for i, completion in enumerate(completions)]
    with torch.no_grad():
        try:
            with idle_adapters(policy.model) as idle:
                first = policy.model(input_ids=_row(policy, *pairs[0])).logits
        except Exception as error:  # of a model's own code, whatever it raises
            raise _refused(path, f"it does not run on a prompt of text ({named(error)})") from error
        if idle:
            raise _refused(path, f"it does not call the layers that hold adapters: {listed(idle)}")
        if not first.isfinite().all():
            raise _refused(path, "its logits are not finite")
        with _enlarged(policy, LOGIT / max(float(first.abs().max()), 1e-6)):
            return _compared(policy, path, pairs)


def trial_prompts(policy: Policy, room: int | None = None) -> list[Ids]:
    """A short and a long one, which reaches past every window if its tokens may be that many."""
    limit = min(room or REACH * 2, policy.context_limit or REACH * 2) - max(COMPLETIONS)
    reached = max([LONG, *(window + SHORT for window in windows(policy.model.config) if window <= REACH)])
    ids = np.random.default_rng(0).choice(ordinary_tokens(policy), max(1, min(reached, limit)))
    return [tuple(ids[:length].tolist()) for length in (min(SHORT, len(ids)), len(ids))]


def ordinary_tokens(policy: Policy) -> list[int]:
    """Tokens of text: none that is special."""
    special = {*policy.tokenizer.all_special_ids, *_named(policy.model.config, "token_id")}
    size = policy.model.get_input_embeddings().weight.shape[0]
    return [i for i in range(min(size, len(policy.tokenizer))) if i not in special] or list(range(size))


def windows(config: Any) -> set[int]:
    """Numbers of places that the config names as what a layer sees, or after which it sees otherwise."""
    text = config.get_text_config()
    return {*_named(text, "window"), *_named(text, "chunk_size"), *_named(text, "window_size")}


def named(error: Exception) -> str:
    """The exception with its kind, on one line."""
    return one_line(f"{type(error).__name__}: {error}")[:300]


def _named(config: Any, ending: str) -> set[int]:
    """Whole numbers of the config whose name ends so."""
    values = [value for name, value in config.to_dict().items() if name.endswith(ending)]
    single = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return {one for one in single if isinstance(one, int) and not isinstance(one, bool) and one > 0}


def _compared(policy: Policy, path: str, pairs: list[tuple[Ids, Ids]]) -> bool:
    alone = [policy.model(input_ids=_row(policy, *pair)).logits[0].float() for pair in pairs]
    for one, other, (prompt, _) in zip(alone[::2], alone[1::2], pairs[::2], strict=True):
        ahead, again = (logits[: len(prompt)].log_softmax(-1) for logits in (one, other))
        if apart(ahead, again, stored_in(policy)):
            raise _refused(path, "it is not causal: what it says of a token depends on tokens behind it")
    expected = torch.cat([_logp(logits, *pair) for logits, pair in zip(alone, pairs, strict=True)])
    if not _agrees(policy, pairs[:1], expected[: COMPLETIONS[0]], share=False, path=path):
        raise _refused(path, "it changes hidden states or logits on the way to, or behind, its output layer")
    if not _agrees(policy, pairs, expected, share=False, path=path):
        raise _refused(path, "what it says of a sequence depends on those beside it")
    far = any(window > REACH for window in windows(policy.model.config))
    if far or not keeps_all_places(policy.decoder.config):
        return False
    return _agrees(policy, pairs, expected, share=True, path=path)


def _agrees(policy: Policy, pairs: list[tuple[Ids, Ids]], expected: Tensor, *, share: bool, path: str) -> bool:
    """Whether log-probabilities are those of each sequence alone; without autocast, whose rounding would hide much."""
    tried = Policy(policy.model, policy.tokenizer, 1.0, shares_prompts=share)
    sequences = Sequences.of(pairs)
    try:
        found = tried.logp(sequences)[sequences.mask.to(policy.device)]
    except Exception as error:
        if share:
            return False
        raise _refused(path, f"its hidden states cannot be had ({named(error)})") from error
    return not apart(found, expected, stored_in(policy), IN_DOUBT if share else 1.0)


def apart(one: Tensor, other: Tensor, dtype: torch.dtype, share_of_bound: float = 1.0) -> bool:
    """Whether log-probabilities differ by more than rounding, at logits of realistic size, in this precision."""
    gap = (one - other).abs()
    found = float(gap.max() if dtype is torch.float32 else gap.mean())
    return not found <= BOUNDS[dtype] * share_of_bound  # nan differs


def _logp(logits: Tensor, prompt: Ids, completion: Ids) -> Tensor:
    """[S, V] -> [T]"""
    return logits[len(prompt) - 1 : -1].log_softmax(-1)[range(len(completion)), list(completion)]


def stored_in(policy: Policy) -> torch.dtype:
    """The precision of the weights, in which passes compute without autocast."""
    found: torch.dtype = policy.model.get_output_embeddings().weight.dtype
    return found


def _row(policy: Policy, prompt: Ids, completion: Ids) -> Tensor:
    return torch.tensor([[*prompt, *completion]], device=policy.device)


@contextmanager
def _enlarged(policy: Policy, factor: float) -> Iterator[None]:
    """Inside, the output layer's logits are larger; never smaller."""
    head = policy.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda module, given, logits: logits * max(1.0, factor))
    try:
        yield
    finally:
        hook.remove()


def _refused(path: str, why: str) -> HarnessError:
    return HarnessError(f"{path} cannot be used here: {why}; choose another model")
