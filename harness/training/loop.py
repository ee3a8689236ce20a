"""The training loop of one run. It does not know which objective it trains."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from evaluators.types import Split, Verdict
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.records.events import End, Event, Invocation, Step
from harness.records.journal import Journal
from harness.records.locks import locked
from harness.records.provenance import source_of
from harness.records.results import start_of
from harness.records.spans import TRACE, Profile
from harness.rollout.grading import share_of
from harness.rollout.groups import Group
from harness.training.checkpoint import drop_checkpoint
from harness.training.open_run import check_source, open_run
from harness.training.sampler import BudgetedSampler, charge
from harness.training.scoring import score_start
from harness.training.state import RunState
from harness.training.update import Diverged, update
from harness.world import ALONE, World

Outcome = Literal["finished", "failed", "interrupted"]
APART: Final = "run it on devices of one kind, with the same versions"


def train(
    config: RunConfig,
    directory: Path,
    invocation: Invocation,
    *,
    fresh: bool = False,
    profiled: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    world: World = ALONE,
) -> Outcome:
    """Train the run in ``directory`` until it ends, starting from its last checkpoint if there is one.

    All ranks of ``world`` must call this together, and only rank 0 accesses the directory. By default there is one
    process. ``profiled``: whether to write a trace of the time spent.

    Raises:
        HarnessError: the run cannot be opened.
    """
    _check_world(config, world)
    with locked(directory) if world.rank == 0 else nullcontext():
        if ended := world.first(None if fresh else ended_before(config, directory) if world.rank == 0 else None):
            if world.rank == 0:
                drop_checkpoint(directory)  # if the process was killed after the last event
            return ended
        profile = Profile() if profiled and world.rank == 0 else None
        with open_run(config, directory, invocation, fresh=fresh, profile=profile, world=world) as run:
            before = run.ledger.flops
            try:
                return _train(run, should_stop)
            except Diverged as error:
                run.finish("failed", str(error))
                return "failed"
            finally:
                if profile:
                    name = f"{config.objective.name} seed {config.seed}"
                    profile.write(directory / TRACE, name, run.matrix_rate, run.ledger.flops - before)


def _check_world(config: RunConfig, world: World) -> None:
    if config.compute.devices != world.size:
        raise HarnessError(
            f"compute.devices is {config.compute.devices}, but this run has {world.size} "
            f"process{'es' if world.size > 1 else ''}; start one process per device"
        )


def ended_before(config: RunConfig, directory: Path) -> Outcome | None:
    """How the run in ``directory`` has ended; None if it has not.

    Raises:
        HarnessError: the file of its objective has changed since it started.
    """
    events = Journal(directory).read()
    if ended := outcome_of(events):
        check_source(directory, start_of(events), source_of(config.objective.objective))
    return ended


def outcome_of(events: Sequence[Event]) -> Outcome | None:
    """How a run ended; None while it has not."""
    return events[-1].status if events and isinstance(events[-1], End) else None


def _train(run: RunState, should_stop: Callable[[], bool]) -> Outcome:
    if run.progress.journal_bytes == 0:
        run.evaluate(Split.TEST)
        run.evaluate(Split.VALIDATION)
        run.checkpoint()
    validated = run.iteration
    for share_before in () if run.config.objective.control == "frozen" else _steps(run):
        if run.world.any(should_stop()):
            return "interrupted"
        if any(share_before < share <= run.share() for share in run.config.evaluation.shares if share < 1):
            run.evaluate(Split.VALIDATION)
            run.checkpoint()
            validated = run.iteration
    if run.iteration == 0 and run.config.objective.control != "frozen":
        raise HarnessError(f"a budget of {run.config.budget} does not cover one step; raise budget.total")
    if validated != run.iteration:
        run.evaluate(Split.VALIDATION)
        run.checkpoint()
    run.evaluate(Split.TEST)
    run.finish("finished")
    return "finished"


def _steps(run: RunState) -> Iterator[float]:
    """Train all steps that the budget allows. Yields the share of the budget that was spent before each step."""
    sampler = BudgetedSampler(run)
    while True:
        before = run.share()
        with run.span("step"):
            if not _step(run, sampler):
                return
        yield before


def _step(run: RunState, sampler: BudgetedSampler) -> bool:
    """Train one step. False if the budget does not allow it."""
    seconds = run.ledger.seconds

    # 1. Prompts, 2. sampling, 3. grading: the regime decides where a batch comes from.
    batch = run.regime.next(sampler)
    if batch is None:
        return False

    # 4. Costs: the sampler has checked that the budget covers them.
    cost = charge(run, batch)

    # 5. Scores that the objective requires, 6. losses and gradients, 7. update.
    run.engine.release()
    with run.timed("training"):
        metrics = update(run, score_start(run, batch.groups))
    with run.timed("sync"):
        run.engine.sync(run.policy)

    # 8. Records.
    run.book(cost)
    completions = _hash_of(batch.groups)
    found = repr(sorted(metrics.items()))  # ranks without groups have another order, and in text nan equals nan
    run.world.agree((completions, found), f"step {run.iteration} gave different results; {APART}")
    run.record(
        Step(
            step=run.iteration,
            ledger=run.ledger,
            metrics=metrics | _rollout_metrics(run, batch.groups),
            problems=tuple(group.problem.id for group in batch.groups),
            completions=completions,
            time=time.time(),
            mfu=cost.flops / (run.ledger.seconds - seconds) / run.matrix_rate,
        )
    )
    return True


def _rollout_metrics(run: RunState, groups: Sequence[Group]) -> dict[str, float]:
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


def _hash_of(groups: Sequence[Group]) -> str:
    """A hash of the tokens of all completions, in order."""
    ids = repr([[c.ids for c in group.completions] for group in groups])
    return sha256(ids.encode()).hexdigest()[:16]
