"""One run: the training loop, blind to which objective it trains."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch

from algorithms.ops import k1, k3, masked_sum
from algorithms.types import Denominators, PolicyOutput
from evaluators.types import Split, Verdict
from harness.budget import Ledger
from harness.collate import MicroBatch, denominators, lengths, micro_batches
from harness.config import RunConfig
from harness.evaluation import sampling_of
from harness.journal import Journal, Record, locked
from harness.rewards import grade_groups, share_of
from harness.rollout.engine import sample_groups
from harness.run import Run, open_run
from harness.seeds import Purpose, derive_seed
from harness.types import Group

Outcome = Literal["finished", "failed", "interrupted"]


class Diverged(Exception):
    """A gradient that is not finite: the run has failed, which its leaderboard counts."""


def train(
    config: RunConfig,
    directory: Path,
    invocation: Record,
    *,
    fresh: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Carry the run in ``directory`` to its end, from wherever it stands.

    Raises:
        HarnessError: the run cannot be opened.
    """
    with locked(directory):
        ended = outcome_of(Journal(directory).read())
        if ended and not fresh:
            return ended
        with open_run(config, directory, invocation, fresh=fresh) as run:
            try:
                return _train(run, should_stop)
            except Diverged as error:
                run.finish("failed", str(error))
                return "failed"


def outcome_of(records: Sequence[Record]) -> Outcome | None:
    """How a run ended; None while it has not."""
    return records[-1]["status"] if records and records[-1]["event"] == "end" else None


def _train(run: Run, should_stop: Callable[[], bool]) -> Outcome:
    if run.progress.journal_bytes == 0:
        run.evaluate(Split.TEST)
        run.evaluate(Split.VALIDATION)
        run.checkpoint()
    validated = run.step
    for share_before in _steps(run):
        if should_stop():
            return "interrupted"
        if any(share_before < share <= run.share() for share in run.config.evaluation.shares if share < 1):
            run.evaluate(Split.VALIDATION)
            run.checkpoint()
            validated = run.step
    if validated != run.step:
        run.evaluate(Split.VALIDATION)
        run.checkpoint()
    run.evaluate(Split.TEST)
    run.finish("finished")
    return "finished"


def _steps(run: Run) -> Iterator[float]:
    """Step by step to the last whole one within the budget; yields the share spent before each."""
    config, rollout = run.config, run.config.rollout
    least = Ledger(completions=rollout.prompts * rollout.group_size, optimizer_steps=1)
    while _affords(run, least) and not run.ledger.discarded_completions:
        seconds: dict[str, float] = defaultdict(float)
        step, before = run.step + 1, run.share()

        # 1. Prompts: a function of the seed and the step, the same for every objective.
        problems = run.order.take(run.step * rollout.prompts, rollout.prompts)

        # 2. Sample.
        with _timed(seconds, "sampling"):
            seed = derive_seed(config.seed, Purpose.ROLLOUT, step)
            groups = sample_groups(run.engine, run.policy, problems, rollout.group_size, sampling_of(config), seed)

        # 3. Grade.
        with _timed(seconds, "grading"):
            groups = grade_groups(run.grader, groups, config.task.grading)

        # 4. Charge: a step that the budget does not cover is not taken.
        charge = _charge(run, groups)
        if not _affords(run, charge):
            run.book(Ledger(discarded_completions=least.completions) + _seconds(seconds))
            return

        # 5. Collate, 6. losses and gradients, 7. update.
        with _timed(seconds, "training"):
            counts = denominators(groups, rollout.max_tokens)
            parts = micro_batches(groups, config.compute.micro_batch_tokens)
            metrics = _backward(run, parts, counts)
            metrics |= _update(run, step)
            run.engine.sync(run.policy)

        # 8. Record.
        run.book(charge + _seconds(seconds))
        run.record("step", {"metrics": metrics | _rollout_metrics(run, groups)} | _what_was_seen(groups))
        yield before


def _affords(run: Run, charge: Ledger) -> bool:
    """Whether the budget covers ``charge``. Seconds are known only afterwards: the mean step is expected."""
    budget = run.config.budget
    expected = run.ledger.seconds / run.step if budget.unit == "seconds" and run.step else 0.0
    return (run.ledger + charge).spent(budget.unit) + expected <= budget.total


def _charge(run: Run, groups: Sequence[Group]) -> Ledger:
    """What a step on ``groups`` costs, besides time."""
    each = lengths(groups)
    forward = run.policy.size.forward_flops(each)
    reference = "ref_logp" in run.objective.requires
    return Ledger(
        completions=len(each),
        sampled_tokens=sum(len(c.ids) for group in groups for c in group.completions),
        optimizer_steps=1,
        trained_tokens=sum(each),
        reference_tokens=sum(each) if reference else 0,
        flops=forward * (1 + 3 + (1 if reference else 0)),
    )


def _backward(run: Run, parts: Sequence[MicroBatch], counts: Denominators) -> dict[str, float]:
    """Accumulate the step's gradient, micro-batch by micro-batch; metrics add up."""
    run.optimizer.zero_grad()
    totals: dict[str, float] = defaultdict(float)
    gap_max = 0.0
    for part in parts:
        ref_logp = None
        if "ref_logp" in run.objective.requires:
            with torch.no_grad():
                ref_logp = run.reference.logp(part.sequences)
        output = PolicyOutput(logp=run.policy.logp(part.sequences))
        logp = output.logp.detach()
        # One update follows each rollout, so the behaviour policy is the policy itself.
        batch = part.batch(counts, logp.device, ref_logp=ref_logp, old_logp=logp)
        result = run.objective.loss(output, batch)
        result.loss.backward()  # type: ignore[no-untyped-call]
        gap = torch.where(batch.mask, (logp - part.engine_logp.to(logp.device)).abs(), 0.0)
        gap_max = max(gap_max, float(gap.max()))
        totals["train/loss"] += float(result.loss.detach())
        totals["engine/logp_gap_mean"] += float(gap.sum()) / counts.tokens
        totals["train/surprisal"] -= float(masked_sum(logp, batch.mask).sum()) / counts.sequences
        if ref_logp is not None:
            totals["train/kl"] += float(k1(logp, ref_logp, batch.mask).sum()) / counts.sequences
            totals["train/kl_k3"] += float(k3(logp, ref_logp, batch.mask).sum()) / counts.sequences
        for name, value in result.metrics.items():
            totals[f"objective/{name}"] += float(value)
    return {**totals, "engine/logp_gap_max": gap_max}


def _update(run: Run, step: int) -> dict[str, float]:
    """One optimiser step; warm-up is linear."""
    settings = run.config.optimizer
    rate = settings.learning_rate * min(1.0, step / max(1, settings.warmup_steps))
    norm = float(torch.nn.utils.clip_grad_norm_(run.policy.model.parameters(), settings.max_grad_norm))
    if not math.isfinite(norm):
        raise Diverged(f"the gradient of step {step} is not finite")
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.optimizer.step()
    return {"train/grad_norm": norm, "train/learning_rate": rate}


def _rollout_metrics(run: Run, groups: Sequence[Group]) -> dict[str, float]:
    completions = [c for group in groups for c in group.completions]
    rewards = [reward for group in groups for reward in group.rewards]
    grading = run.config.task.grading
    return {
        "train/reward_mean": sum(rewards) / len(rewards),
        "train/tied_groups": sum(len(set(group.rewards)) == 1 for group in groups) / len(groups),
        "train/completion_tokens": sum(len(c.ids) for c in completions) / len(completions),
        "train/truncated": sum(c.truncated for c in completions) / len(completions),
        "train/unparsed": share_of(groups, grading, Verdict.UNPARSED),
        "train/grader_timeouts": share_of(groups, grading, Verdict.TIMEOUT),
    }


def _what_was_seen(groups: Sequence[Group]) -> Record:
    """The prompts in order, and a hash of the completions: what proves two runs matched."""
    ids = repr([[c.ids for c in group.completions] for group in groups])
    return {
        "problems": [group.problem.id for group in groups],
        "completions": sha256(ids.encode()).hexdigest()[:16],
    }


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[phase] += time.perf_counter() - started


def _seconds(phases: dict[str, float]) -> Ledger:
    return Ledger(
        seconds_sampling=phases["sampling"],
        seconds_grading=phases["grading"],
        seconds_training=phases["training"],
    )
