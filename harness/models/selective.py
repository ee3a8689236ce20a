"""Layers that keep the results of their matrix products, and compute everything else again in the backward pass.

Most activations come from cheap operations, such as norms, activation functions and conversions. In large models,
computing these again takes little time. In small ones it costs more, because each operation passes through Python.

The last result of a layer is not kept, because usually only a sum follows it. Where a norm follows, its product is
computed again. Torch's ``create_selective_checkpoint_contexts`` cannot be used: under autocast, weights are converted
again in the backward pass, and it refuses operations that the first computation did not have.
"""

import copy
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.checkpoint import checkpoint
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

OPERATIONS = torch.ops.aten
PRODUCTS = {OPERATIONS.mm.default: 1, OPERATIONS.addmm.default: 2, OPERATIONS._grouped_mm.default: 1}
"""The products of linear layers and of experts, with the place of the second matrix among their arguments."""
ATTENTION = {
    OPERATIONS._scaled_dot_product_flash_attention_for_cpu.default,
    OPERATIONS._scaled_dot_product_flash_attention.default,
    OPERATIONS._scaled_dot_product_efficient_attention.default,
}
"""The kernels of attention that do not return scores."""
CHEAP = 16
"""The product of [N, K] and [K, M] is computed again if M > 16 K, as with the second matrix of an adapter."""


@contextmanager
def keeping_products(layer: nn.Module, make_context: Callable[[], AbstractContextManager[Any]]) -> Iterator[None]:
    """A context in which the layer is computed in this way.

    It cannot be nested. ``make_context`` is called when the layer is computed, and makes a context for its second
    computation.
    """
    layer.forward = partial(_compute, layer.forward, make_context)
    try:
        yield
    finally:
        del layer.forward  # the method of its class is visible again


def _compute(
    forward: Callable[..., Any], make_context: Callable[[], AbstractContextManager[Any]], *args: Any, **kwargs: Any
) -> Any:
    args, kwargs = tree_map_only(Cache, _CacheOfLayer, (args, kwargs))
    return checkpoint(
        forward,
        *args,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=partial(_contexts, make_context()),
        **kwargs,
    )


def _contexts(second: AbstractContextManager[Any]) -> "tuple[_Keeping, _Again]":
    """The contexts of a layer's first and second computation."""
    results: deque[_Result] = deque()
    return _Keeping(results), _Again(results, second)


class _Result(NamedTuple):
    operation: Any
    value: Any
    versions: tuple[int, ...]


class _Keeping(TorchDispatchMode):
    """Keeps results of the first computation."""

    def __init__(self, results: deque[_Result]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._results = results

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = operation(*args, **(kwargs or {}))
        if _is_kept(operation, args):
            value = tree_map_only(Tensor, _detached, found)
            self._results.append(_Result(operation, value, _versions(value)))
        return found

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        if self._results:
            self._results.pop()


class _Again(TorchDispatchMode):
    """Returns the kept results in the second computation, which ends as soon as all activations are there."""

    def __init__(self, results: deque[_Result], inside: AbstractContextManager[Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._results, self._inside = results, inside

    def __enter__(self) -> "_Again":
        self._inside.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._inside.__exit__(*error)
        self._results.clear()  # a third computation uses none of them

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self._results or not _is_kept(operation, args):
            return operation(*args, **(kwargs or {}))
        kept = self._results.popleft()
        if kept.operation is not operation or kept.versions != _versions(kept.value):
            raise RuntimeError("a layer computes something else in the backward pass, or changes results in place")
        return kept.value


def _is_kept(operation: Any, args: Any) -> bool:
    if operation in PRODUCTS:
        terms, columns = args[PRODUCTS[operation]].shape[-2:]
        return bool(columns <= CHEAP * terms)
    return operation in ATTENTION


def _detached(result: Tensor) -> Tensor:
    """The result without its graph, which would hold it. Changes of the result in place change its version."""
    with torch._C._SetExcludeDispatchKeyGuard(torch._C.DispatchKey.ADInplaceOrView, False):
        return result.detach()


def _versions(value: Any) -> tuple[int, ...]:
    return tuple(each._version for each in tree_leaves(value) if isinstance(each, Tensor))


class _CacheOfLayer:
    """The cache during the computations of one layer. Only the first one adds keys and values to the real cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = weakref.ref(cache)  # it has the keys and values of all layers, which may go after the pass
        self._before: dict[int, CacheLayerMixin] = {}

    def update(self, keys: Tensor, values: Tensor, layer: int, *args: Any, **kwargs: Any) -> Any:
        """All keys and values [R, heads, K, D] after these have been added."""
        if layer in self._before:
            return copy.copy(self._before[layer]).update(keys, values, *args, **kwargs)
        cache: Any = self._cache()
        self._before[layer] = copy.copy(cache.layers[layer])
        return cache.update(keys, values, layer, *args, **kwargs)
