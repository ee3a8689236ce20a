"""Compares the sampling and the weight synchronisation of vLLM and the transformers engine.

    python benchmarks/engines.py --model SmolLM2-135M-Instruct.Q4_1.gguf [--requests 64,256] [--tokens 128]
        [--dtype bfloat16] [--out FILE.md]

Both engines run in this process, one after the other in each round. The model has no end-of-sequence token here. So
every request runs to the length limit, and both engines do the same work. The table shows medians and ranges over the
rounds, and the ratio of vLLM's tokens per second to those of the other engine.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.page import Page, spread, takes_out
from harness.config.settings import ComputeSettings, ModelSettings
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.rollout.engines import make_engine
from harness.rollout.engines.engine import RolloutEngine, Sampling

GAP = {"float32": 1e-3, "bfloat16": 0.2}
"""By dtype, the limit for the mean difference of log-probabilities between engine and trainer, in nats per token."""
STALE = 3.0
"""Without synchronisation, the difference must be at least this many times larger."""
Row = tuple[str, str, bool | None]
"""The name of a check, its figure, and whether the check passed. None: the figure is only shown."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The measurements of one engine, one per round."""

    tokens_a_second: list[float]
    sync_seconds: list[float]


def endless(policy: Policy) -> Policy:
    """Removes the end-of-sequence token from the policy, so that only the length limit ends its completions."""
    for part in (policy.model.config, policy.model.generation_config):
        part.eos_token_id = None
    policy.tokenizer.eos_token = None
    return policy


def engines_of(policy: Policy, names: list[str], context: int, requests: int) -> dict[str, RolloutEngine]:
    """Starts the engines and synchronises them with the policy."""
    made = {}
    for name in names:
        compute = ComputeSettings.model_validate({"engine": name, "sample_batch": requests})
        made[name] = make_engine(policy, compute, context)
        made[name].sync(policy)
    return made


def measure(
    policy: Policy, engines: dict[str, RolloutEngine], requests: int, tokens: int, rounds: int
) -> dict[str, Rates]:
    """In each round, every engine does one ``generate`` and one ``sync``. An extra round before them is the warm-up."""
    prompts = prompts_of(policy, requests)
    sampling = Sampling(temperature=1.0, max_tokens=tokens)
    found = {name: Rates(tokens_a_second=[], sync_seconds=[]) for name in engines}
    for turn in range(rounds + 1):
        for name, engine in engines.items():
            seconds, groups = timed(lambda e=engine, t=turn: e.generate(prompts, 1, sampling, seed=t))
            drawn = sum(len(c.ids) for group in groups for c in group)
            assert drawn == requests * tokens, f"{name} drew {drawn} tokens instead of {requests} x {tokens}"
            synced, _ = timed(lambda e=engine: e.sync(policy))
            if turn:
                found[name].tokens_a_second.append(drawn / seconds)
                found[name].sync_seconds.append(synced)
    return found


def prompts_of(policy: Policy, count: int) -> list[tuple[int, ...]]:
    """Sums of three numbers, because every tokenizer can encode them."""
    return [policy.encode(f"{1 + i % 30}+{2 + i % 7}+{3 + i % 11}=") for i in range(count)]


def agreement(name: str, engine: RolloutEngine, policy: Policy) -> list[Row]:
    """Checks that the engine's log-probabilities are those of the trainer.

    The check looks at them at the start, after a change of the weights without ``sync``, and after ``sync``.
    """
    limit = GAP[str(policy.dtype).removeprefix("torch.")]
    engine.sync(policy)
    first = gap(engine, policy)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.mul_(1.02)
    stale = gap(engine, policy)
    engine.release()
    started = time.perf_counter()
    engine.sync(policy)
    seconds = time.perf_counter() - started
    after = gap(engine, policy)
    # In float32, the transformers engine samples from the policy itself, so it cannot lag behind.
    lags = name != "transformers" or str(policy.dtype) != "torch.float32"
    return [
        (f"{name}: gap to the trainer, nats per token", f"{first:.2g}", first < limit),
        (f"{name}: gap after a change without sync", f"{stale:.2g}", stale > STALE * after if lags else None),
        (f"{name}: gap after sync", f"{after:.2g}", after < limit),
        (f"{name}: sync, with wake-up", f"{seconds:.2f} s", None),
    ]


def gap(engine: RolloutEngine, policy: Policy) -> float:
    """The mean absolute difference of log-probabilities, in nats per token."""
    prompts = prompts_of(policy, 8)
    groups = engine.generate(prompts, 4, Sampling(temperature=1.0, max_tokens=32), seed=0)
    sequences = Sequences.of([(p, c.ids) for p, group in zip(prompts, groups, strict=True) for c in group])
    with torch.no_grad():
        expected = policy.logp(sequences)[sequences.mask.to(policy.device)].cpu()
    found = torch.tensor([x for group in groups for c in group for x in c.logp])
    return float((found - expected).abs().mean())


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """The seconds that ``work`` takes, and its result. Waits until a GPU has finished."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    result = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="embedded:tiny-arithmetic")
    parser.add_argument("--requests", default="64,256")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    takes_out(parser)
    options = parser.parse_args()
    page = Page(
        "Sampling with vLLM and with transformers",
        f"{Path(options.model).name} in {options.dtype} with {options.threads} threads; {options.tokens} tokens per "
        f"request. The table shows medians and ranges of {options.rounds} rounds.",
    )
    torch.set_num_threads(options.threads)
    settings = ModelSettings(path=options.model, device=options.device, dtype=options.dtype)
    policy = endless(load_policy(settings, 1.0))
    counts = [int(count) for count in options.requests.split(",")]
    engines = engines_of(policy, ["transformers", "vllm"], 128 + options.tokens, max(counts))
    rows = []
    for requests in counts:
        rates = measure(policy, engines, requests, options.tokens, options.rounds)
        baseline = statistics.median(rates["transformers"].tokens_a_second)
        for name, found in rates.items():
            ratio = statistics.median(found.tokens_a_second) / baseline
            row = [name, f"{requests}", spread(found.tokens_a_second, 0), f"{ratio:.2f}", spread(found.sync_seconds, 3)]
            rows.append(row)
    page.table(("engine", "requests", "tokens per second", "ratio", "sync, s"), rows)
    page.end(options.out)


if __name__ == "__main__":
    main()
