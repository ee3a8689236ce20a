"""Sampling with vLLM in the process of the trainer, with the same code on a CPU and on a GPU.

vLLM starts from the model's config with arbitrary weights. :meth:`VllmEngine.sync` writes the weights of the policy
into it, first at the start and then after every optimiser step.
"""

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
import torch._dynamo

from harness.errors import HarnessError, one_line
from harness.models.policy import Policy
from harness.rollout.engines.engine import Sampling, completion_of, ending_ids, kv_bytes_of
from harness.rollout.groups import Completion

ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # in this process, so that weights are passed by reference
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
KV_BLOCK = 128
"""The number of tokens in a block of vLLM's cache on the CPU. It is smaller on a GPU. Sequences use whole blocks."""
PREFILL_ON_CPU = 4096
"""The number of prompt tokens that are computed in one step on a CPU, where prompts are not split."""
SEEDS = 1 << 62
"""The range of seeds. vLLM's seeds are signed 64-bit numbers, and a request uses consecutive ones."""

OF_SOURCE = ("is_local", "local_files_only")
"""What transformers notes in a tokenizer's settings about the place that it was loaded from."""

_started: tuple[str, Any] | None = None
"""The only vLLM of this process. Runs share it, because it depends on the model's shape and not on its weights."""


class VllmEngine:
    """See :class:`harness.rollout.engines.engine.RolloutEngine`."""

    def __init__(self, policy: Policy, *, context: int, sample_batch: int, kv_cache_gib: float | None) -> None:
        """``context``: the number of tokens of the longest prompt with its completion."""
        self._policy = policy
        self._gpu = policy.device.type == "cuda"
        kv_bytes = kv_cache_gib * 2**30 if kv_cache_gib else sample_batch * kv_bytes_of(policy, context, KV_BLOCK)
        options = {
            "dtype": str(policy.dtype).removeprefix("torch."),
            "max_model_len": context,
            "max_num_seqs": sample_batch,
            "kv_cache_memory_bytes": int(kv_bytes),
        }
        if self._gpu:  # this share of memory must be free although the cache size is given: use a small share
            options |= {"enable_sleep_mode": True, "gpu_memory_utilization": 0.05}
        else:  # splitting a seeded request rewinds its generator, which is not possible on the CPU
            prefill = max(context, PREFILL_ON_CPU)
            options |= {"enforce_eager": True, "enable_chunked_prefill": False, "max_num_batched_tokens": prefill}
        with _undisturbed(self._gpu):
            self._llm = _start(policy, options)

    def generate(
        self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, seed: int, first: int = 0
    ) -> list[tuple[Completion, ...]]:
        """See :class:`RolloutEngine`. Each request has its own seed, whatever else is sampled."""
        from vllm import SamplingParams

        if self._asleep:
            self.sync(self._policy)
        if not prompts:
            return []
        greedy = sampling.temperature == 0
        params = [
            SamplingParams(
                n=1 if greedy else n,
                temperature=sampling.temperature,
                max_tokens=sampling.max_tokens,
                top_p=sampling.top_p,
                top_k=sampling.top_k,
                stop=list(sampling.stop),
                stop_token_ids=list(ending_ids(self._policy, sampling)),
                detokenize=bool(sampling.stop),
                logprobs=0,
                seed=(seed + (first + index) * n) % SEEDS,
            )
            for index in range(len(prompts))
        ]
        requests = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        with _undisturbed(self._gpu):
            outputs = self._llm.generate(requests, params, use_tqdm=False)
        groups = [tuple(self._completion(c, sampling) for c in sorted(o.outputs, key=_index)) for o in outputs]
        return [group * n for group in groups] if greedy else groups

    def sync(self, policy: Policy) -> None:
        """Write the weights in place, and drop cached prefixes, which were computed with old weights."""
        self._policy = policy
        asleep = self._asleep
        if asleep:
            torch.cuda.empty_cache()  # before this, the memory of training is only free for torch
            self._llm.wake_up(["weights"])
        # Write all weights: vLLM may keep packed copies of layers, and omitted tied or fused weights would stay old.
        # Write them in their stored precision: vLLM rounds while it copies.
        with _undisturbed(self._gpu):
            self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": policy.weights()})
        if asleep:
            self._llm.wake_up(["kv_cache"])
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM kept cached prefixes of old weights")

    def release(self) -> None:
        """Drop weights and cache. On a CPU vLLM keeps them, because main memory suffices."""
        if not self._asleep:
            self._llm.sleep(level=2)

    @property
    def _asleep(self) -> bool:
        return bool(self._llm.llm_engine.is_sleeping())

    def _completion(self, output: Any, sampling: Sampling) -> Completion:
        ids = list(output.token_ids)
        logp = [of_token[token].logprob for of_token, token in zip(output.logprobs, ids, strict=True)]
        return completion_of(self._policy, ids, logp, sampling)


def _index(output: Any) -> int:
    return int(output.index)


def _start(policy: Policy, options: dict[str, Any]) -> Any:
    """The vLLM of this process for the shape of the policy: the running one, or a new one."""
    global _started
    os.environ.update(ENVIRONMENT)
    logging.getLogger("vllm").setLevel(logging.ERROR)
    from vllm import LLM

    with tempfile.TemporaryDirectory(prefix="vllm-") as folder:
        shape = save_shape(policy, options, Path(folder))
        if _started is None or _started[0] != shape:
            if _started and policy.device.type == "cuda":
                raise HarnessError("this process has a vLLM for another model, and a GPU allows only one; start again")
            _started = None
            try:
                llm = LLM(
                    model=folder,
                    load_format="dummy",
                    seed=0,
                    logprobs_mode="processed_logprobs",
                    generation_config="vllm",  # not the model's own defaults
                    disable_log_stats=True,
                    **options,
                )
            except (ValueError, RuntimeError) as error:
                reason = one_line(error)[:300]
                raise HarnessError(f"vLLM does not start: {reason}; use --engine transformers instead") from error
            _started = shape, llm
    return _started[1]


def save_shape(policy: Policy, options: dict[str, Any], folder: Path) -> str:
    """Save everything but the weights into ``folder``. Returns a hash that tells whether one vLLM serves two policies.

    It does not depend on where the policy was loaded from.
    """
    for part in (policy.model.config, policy.model.generation_config, policy.tokenizer):
        part.save_pretrained(folder)
    content = sha256(repr(sorted(options.items())).encode())
    for file in sorted(folder.iterdir()):
        if file.name == "tokenizer_config.json":
            settings = json.loads(file.read_text(encoding="utf-8"))
            file.write_text(
                json.dumps({key: settings[key] for key in settings if key not in OF_SOURCE}), encoding="utf-8"
            )
        content.update(file.read_bytes())
    return content.hexdigest()


@contextmanager
def _undisturbed(gpu: bool) -> Iterator[None]:
    """Undo vLLM's changes of torch's threads and generator. It even replaces the function that sets threads."""
    threads, set_threads = torch.get_num_threads(), torch.set_num_threads
    with (
        warnings.catch_warnings(),
        torch.random.fork_rng(None if gpu else []),
        torch._dynamo.config.patch(disable=not gpu),
    ):
        warnings.simplefilter("ignore", FutureWarning)  # from vLLM's own imports
        try:
            yield
        finally:
            torch.set_num_threads = set_threads
            torch.set_num_threads(threads)
