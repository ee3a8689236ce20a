"""Sampling with vLLM in the trainer's own process: the same code on a CPU and on one GPU.

vLLM starts from the model's config alone, with weights that mean nothing; :meth:`VllmEngine.sync` writes the policy's
into it, at first and after every optimiser step.
"""

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
from harness.rollout.engines.engine import Sampling, completion_of, kv_bytes_of
from harness.rollout.groups import Completion

ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # in this process: weights pass by reference
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
KV_BLOCK = 128
"""Tokens in a block of vLLM's cache on the CPU; smaller on a GPU. A sequence takes whole blocks."""
PREFILL_ON_CPU = 4096
"""Prompt tokens computed in one step on a CPU; prompts are not split there."""
SEEDS = 1 << 62
"""vLLM's seeds are signed 64-bit numbers, and the children of a request count on from its own."""

_started: tuple[str, Any] | None = None
"""The one vLLM of this process, lent from run to run: it is a function of the model's shape, not of its weights."""


class VllmEngine:
    """See :class:`harness.rollout.engines.engine.RolloutEngine`."""

    def __init__(self, policy: Policy, *, context: int, sample_batch: int, kv_cache_gib: float | None) -> None:
        """``context``: tokens of the longest prompt with its completion."""
        self._policy = policy
        self._gpu = policy.device.type == "cuda"
        kv_bytes = kv_cache_gib * 2**30 if kv_cache_gib else sample_batch * kv_bytes_of(policy, context, KV_BLOCK)
        options = {
            "dtype": str(policy.dtype).removeprefix("torch."),
            "max_model_len": context,
            "max_num_seqs": sample_batch,
            "kv_cache_memory_bytes": int(kv_bytes),
        }
        if self._gpu:  # its share of all memory must be free, though the cache has a size of its own: ask for little
            options |= {"enable_sleep_mode": True, "gpu_memory_utilization": 0.05}
        else:  # a seeded request in parts takes back draws, which generators of the CPU cannot
            prefill = max(context, PREFILL_ON_CPU)
            options |= {"enforce_eager": True, "enable_chunked_prefill": False, "max_num_batched_tokens": prefill}
        with _undisturbed(self._gpu):
            self._llm = _start(policy, options)

    def generate(
        self, prompts: Sequence[Sequence[int]], n: int, sampling: Sampling, seed: int, first: int = 0
    ) -> list[tuple[Completion, ...]]:
        """See :class:`RolloutEngine`. Each request has its own seed, whatever is sampled beside it."""
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
                stop_token_ids=list(self._policy.eos_ids),
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
        """Write the weights in place and forget cached prefixes, which old weights computed."""
        self._policy = policy
        asleep = self._asleep
        if asleep:
            torch.cuda.empty_cache()  # what training used is free for torch alone until then
            self._llm.wake_up(["weights"])
        # All of them: where vLLM keeps a packed copy of a layer, a tied or fused one left out would stay old, silently.
        # As they are stored: vLLM rounds while it copies.
        with _undisturbed(self._gpu):
            self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": policy.weights()})
        if asleep:
            self._llm.wake_up(["kv_cache"])
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM kept prefixes of old weights")

    def release(self) -> None:
        """Drop weights and cache. vLLM keeps them on a CPU, where training has the memory, and only stops."""
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
    """This process's vLLM for the policy's shape: the one that runs, or a new one."""
    global _started
    os.environ.update(ENVIRONMENT)
    logging.getLogger("vllm").setLevel(logging.ERROR)
    from vllm import LLM

    with tempfile.TemporaryDirectory(prefix="vllm-") as folder:
        for part in (policy.model.config, policy.model.generation_config, policy.tokenizer):
            part.save_pretrained(folder)
        content = sha256(repr(sorted(options.items())).encode())
        for file in sorted(Path(folder).iterdir()):
            content.update(file.read_bytes())
        if _started is None or _started[0] != content.hexdigest():
            if _started and policy.device.type == "cuda":
                raise HarnessError("this process has a vLLM of another shape, and on a GPU it can have one; start anew")
            _started = None
            try:
                llm = LLM(
                    model=folder,
                    load_format="dummy",
                    seed=0,
                    logprobs_mode="processed_logprobs",
                    generation_config="vllm",  # never the model's own defaults
                    disable_log_stats=True,
                    **options,
                )
            except (ValueError, RuntimeError) as error:
                reason = one_line(error)[:300]
                raise HarnessError(f"vLLM does not start: {reason}; --engine transformers does without it") from error
            _started = content.hexdigest(), llm
    return _started[1]


@contextmanager
def _undisturbed(gpu: bool) -> Iterator[None]:
    """vLLM changes torch's threads, even the function that sets them, and its generator; and compiles helpers."""
    threads, set_threads = torch.get_num_threads(), torch.set_num_threads
    with (
        warnings.catch_warnings(),
        torch.random.fork_rng(None if gpu else []),
        torch._dynamo.config.patch(disable=not gpu),
    ):
        warnings.simplefilter("ignore", FutureWarning)  # of its own imports
        try:
            yield
        finally:
            torch.set_num_threads = set_threads
            torch.set_num_threads(threads)
