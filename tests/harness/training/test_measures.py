"""The metrics that all objectives share: their values by hand, and that they are read once."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

import harness.training.update
from algorithms.types import Batch, Denominators
from harness.rollout.groups import Group
from harness.training.measures import Tally, measures
from harness.training.micro_batches import pack
from harness.training.state import RunState
from tests.support.small import run_small, small_config

LENGTHS = [3, 1, 2]
"""Two groups, of two completions and of one."""


class Reads(TorchDispatchMode):
    """Counts the numbers that the processor reads from tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def ragged(seed: int) -> tuple[Tensor, Batch, Tensor]:
    """Log-probabilities of the policy, a batch, and log-probabilities of the engine. Padding holds nonsense."""
    draw = torch.Generator().manual_seed(seed)
    logp, engine, ref, old = (-torch.rand(3, 3, generator=draw) for _ in range(4))
    batch = Batch(
        mask=torch.arange(3) < torch.tensor(LENGTHS)[:, None],
        rewards=torch.tensor([1.0, 0.0, 0.5]),
        group=torch.tensor([0, 0, 1]),
        truncated=torch.zeros(3, dtype=torch.bool),
        denominators=Denominators(sequences=8, tokens=20, groups=2, max_tokens=3, reward_mean=0.5),
        ref_logp=ref,
        old_logp=old,
    )
    return logp, batch, engine


def totals(values: Tensor) -> list[float]:
    """The sum over the tokens of each completion."""
    return [float(row[:length].sum()) for row, length in zip(values, LENGTHS, strict=True)]


@pytest.mark.parametrize("fresh", [True, False])
def test_they_are_those_of_a_loop_over_real_tokens(fresh: bool) -> None:
    logp, batch, engine = ragged(0)
    assert batch.ref_logp is not None and batch.old_logp is not None
    found = {name: float(value) for name, value in measures(logp, batch, engine, fresh=fresh).items()}
    ratios = [math.exp(ratio) for ratio in totals(logp - engine)]
    assert found["train/ratio_mean"] == pytest.approx(sum(ratios) / 8)
    assert found["train/surprisal"] == pytest.approx(-sum(totals(logp)) / 8)
    assert found["train/kl_from_behaviour"] == pytest.approx(sum(totals(engine - logp)) / 8)
    gap = (logp if fresh else batch.old_logp) - engine
    assert found["engine/logp_gap_mean"] == pytest.approx(sum(totals(gap.abs())) / 20)
    assert found["engine/logp_gap_max"] == pytest.approx(float(gap[batch.mask].abs().max()))
    assert found["engine/kl_k3"] == pytest.approx(sum(totals(gap.exp() - 1 - gap)) / 20)
    assert ("train/kl" in found) == ("train/kl_k3" in found) == fresh  # otherwise the completions are not the policy's
    if fresh:
        away = batch.ref_logp - logp
        assert found["train/kl"] == pytest.approx(-sum(totals(away)) / 8)
        assert found["train/kl_k3"] == pytest.approx(sum(totals(away.exp() - 1 - away)) / 8)


@pytest.mark.parametrize(("name", "expected"), [("objective/kl", -6.0), ("objective/ratio_max", -1.0)])
def test_micro_batches_add_up_but_for_maxima(name: str, expected: float) -> None:
    tally = Tally()
    for value in (-2.0, -1.0, -3.0):
        tally.add({name: torch.tensor(value)})
    assert tally.read() == {name: expected}


def test_nothing_is_read_before_the_end() -> None:
    tally = Tally()
    with Reads() as reads:
        for seed in range(3):
            logp, batch, engine = ragged(seed)
            tally.add(measures(logp, batch, engine, fresh=True))
        assert reads.count == 0
        float(torch.ones(()))
        assert reads.count == 1
    assert len(tally.read()) == 8
    assert Tally().read() == {}  # a rank without micro-batches


@pytest.mark.parametrize("objective", ["agro", "grpo", "dpo", "agro_tapered"])
def test_an_update_reads_no_number_for_each_micro_batch(
    objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Besides the passes of the model and the making of its inputs, whose shapes depend on lengths."""
    backward, parts, found = harness.training.update._backward, harness.training.update._parts, []

    def unwatched(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            with _disable_current_modes():
                return call(*arguments)

        return called

    def watched(run: RunState, dealt: Sequence[Sequence[Group]], counts: Denominators, *, first: bool) -> Any:
        with monkeypatch.context() as patched, Reads() as reads:
            patched.setattr(run.policy, "logp", unwatched(run.policy.logp))
            patched.setattr(harness.training.update, "_parts", unwatched(parts))
            metrics = backward(run, dealt, counts, first=first)
        found.append((len(pack(dealt[0], run.config.compute.micro_batch_tokens, run.policy.layout)), reads.count))
        return metrics

    monkeypatch.setattr(harness.training.update, "_backward", watched)
    brief = {"budget": {"unit": "completions", "total": 16}, "evaluation__shares": []}
    for tokens in (64, 8192):
        run_small(small_config(objective, **brief, compute__micro_batch_tokens=tokens), tmp_path / str(tokens))
    (many, often), (one, once) = found[0], found[-1]
    assert many > one == 1
    assert often == once == 0
