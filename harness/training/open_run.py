"""Opening a run from its config, from the beginning or from its checkpoint."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch

from evaluators.grading.grader import Grader
from evaluators.tasks.overlap import overlap
from evaluators.types import Split
from harness.config.arms import objective_of
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.models.critic import Critic
from harness.models.hidden import in_one_pass
from harness.models.loading import load_policy
from harness.models.parallel import shard
from harness.records.events import Beginning, Event, Identity, Invocation, OfflineSet, Origin, Resumed, Start
from harness.records.graders import grader_of
from harness.records.journal import Journal
from harness.records.locks import LOCK
from harness.records.provenance import DEVICES, source_of, versions
from harness.records.results import start_of
from harness.records.spans import Profile, matrix_rate
from harness.rollout.asking import asking_of, posed
from harness.rollout.engines import make_engine
from harness.rollout.fixed_set import FixedSet, fixed_set, sample_fixed
from harness.rollout.groups import Group
from harness.rollout.problems import fingerprint, fit, load_splits
from harness.rollout.regimes import Regime, make_regime
from harness.seeds import ProblemOrder
from harness.training.checkpoint import Progress, load_checkpoint
from harness.training.optimizer import make_optimizer
from harness.training.passes import Passes
from harness.training.state import RunParts, RunState, modules
from harness.world import ALONE, World


@contextmanager
def open_run(
    config: RunConfig,
    directory: Path,
    invocation: Invocation,
    *,
    fresh: bool = False,
    profile: Profile | None = None,
    world: World = ALONE,
) -> Iterator[RunState]:
    """Load all parts of a run. If there is a checkpoint, load it and truncate the journal to it.

    With ``fresh``, an earlier run in ``directory`` is deleted after all parts have been loaded.

    Raises:
        HarnessError: a part cannot be loaded, or model or problems have changed since the run started.
    """
    torch.set_num_threads(config.compute.threads)
    parts = load_parts(config, world)
    identity = Identity(
        weights=parts.weights,
        problems={str(split): fingerprint(part) for split, part in parts.problems.items()},
        prompts=parts.prompts,
    )
    world.agree(identity, "it has another model or different problems; give all ranks the same files")
    rate = world.sum({"rate": matrix_rate(parts.policy.device, parts.policy.dtype)})["rate"]
    journal = Journal(directory)
    with Grader() as grader:
        fixed = _fixed_set(parts, identity, directory.parent.parent, grader, world)
        data = OfflineSet(completions=fixed.completions, content=fixed.content) if fixed else None
        began = Beginning(identity=identity, data=data, source=source_of(config.objective.objective))
        if fresh and world.rank == 0:
            _clear(directory)
        resumed = _take_up(parts, journal, began, world)
        if not resumed and world.rank == 0:
            origin = Origin(invocation=invocation, versions=made_here(config), matrix_rate=rate)
            journal.append(_start(parts, began, origin))
        progress, held = resumed or (Progress(), [])
        parts.engine.sync(parts.policy)
        yield RunState(
            **vars(parts),
            directory=directory,
            journal=journal,
            grader=grader,
            regime=_regime(config, fixed, held),
            fixed=fixed,
            progress=progress,
            profile=profile,
            matrix_rate=rate,
            world=world,
        )


def load_parts(config: RunConfig, world: World = ALONE) -> RunParts:
    """Load and test all parts that the config names. Models are sharded if the config says so and there are ranks.

    A rank has at most two whole models at a time. Each model is sharded as soon as no other model is derived from it.

    Raises:
        HarnessError: a part cannot be loaded, does not fit the others, or computes wrong results.
    """
    loaded = load_splits(config)
    policy = load_policy(config.model, config.rollout.temperature, config.policy)
    sharded, reshard = config.compute.parallel == "shard" and world.size > 1, config.compute.reshard
    if sharded and reshard:
        policy.layout = in_one_pass(policy.layout)
    if len(set(world.gather([policy.layout]))) > 1:  # ranks must make the same micro-batches
        policy.layout = "whole"
    asking = asking_of(config.task, chats=policy.chats, train=lambda: loaded[Split.TRAIN])
    problems = {split: posed(part, asking) for split, part in loaded.items()}
    fitted = fit(config, policy, problems)
    objective = objective_of(config.objective)
    passes = Passes.of(objective, config.regime_spec, config.optimizer)
    weights, reference = policy.fingerprint(), policy.reference()
    if sharded and reference.model is not policy.model:
        shard(reference.model, reshard=reshard)
    if (critic := Critic(policy) if passes.critic else None) and sharded:
        shard(critic, reshard=reshard)
    engine = make_engine(policy, config.compute, fitted.context)
    if sharded:
        shard(policy.model, reshard=reshard)
    return RunParts(
        config=config,
        problems=problems,
        asking=asking,
        prompts=fitted.prompts,
        order=ProblemOrder(problems[Split.TRAIN], config.seed),
        objective=objective,
        passes=passes,
        policy=policy,
        reference=reference,
        critic=critic,
        optimizer=make_optimizer(config.optimizer, modules(policy, critic)),
        engine=engine,
        weights=weights,
    )


def _fixed_set(parts: RunParts, identity: Identity, suite: Path, grader: Grader, world: World) -> FixedSet | None:
    """The fixed set of the offline regime. The first run of a seed samples it."""
    if parts.config.regime_spec.kind != "offline":
        return None

    def make() -> list[Group]:
        return sample_fixed(parts.config, parts.asking, parts.reference, parts.engine, grader, parts.order, world)

    return fixed_set(parts.config, identity, suite, make, world)


def _take_up(parts: RunParts, journal: Journal, began: Beginning, world: World) -> tuple[Progress, list[Group]] | None:
    """Load the checkpoint if there is one, and truncate the journal to it, or to nothing."""
    resumed = load_checkpoint(journal.path.parent, parts.config.run_id, parts.modules, parts.optimizer, world)
    if world.rank:
        return resumed
    if resumed:
        start = start_of(journal.read())
        check_beginning(journal.path.parent, start, began)
        check_grader(journal.path.parent, start)
    journal.cut(resumed[0].journal_bytes if resumed else 0)
    if resumed and made_by(journal.read()) != (here := made_here(parts.config)):
        ledger = resumed[0].ledger
        journal.append(Resumed(step=ledger.iterations, ledger=ledger, versions=here, time=time.time()))
    return resumed


def _regime(config: RunConfig, fixed: FixedSet | None, held: list[Group]) -> Regime:
    return make_regime(
        config.regime_spec,
        prompts=config.rollout.prompts,
        group_size=config.rollout.group_size,
        updates=config.optimizer.updates_per_rollout,
        seed=config.seed,
        fixed=fixed.groups if fixed else [],
        held=held,
    )


def _start(parts: RunParts, began: Beginning, origin: Origin) -> Start:
    config, problems, held_out = parts.config, parts.problems, (Split.VALIDATION, Split.TEST)
    return Start(
        run_id=config.run_id,
        config=config,
        identity=began.identity,
        data=began.data,
        source=began.source,
        size=asdict(parts.policy.size),
        sizes={str(split): len(part) for split, part in problems.items()},
        overlap={str(split): overlap(problems[Split.TRAIN], problems[split]) for split in held_out},
        answer_format=parts.asking.form.name,
        time=time.time(),
        origin=origin,
    )


def check_beginning(directory: Path, start: Start, now: Beginning) -> None:
    """Refuse a run whose model, problems, prompts or data have changed since it started.

    Raises:
        HarnessError: something has changed.
    """
    if replace(start.identity, prompts={}) != replace(now.identity, prompts={}):
        raise _another(directory, "with another model or other problems")
    if not start.identity.agrees(now.identity):
        raise HarnessError(
            f"{directory} was started with other prompts, possibly because a chat template contains the date; set "
            "model.chat_template to a file that gives the same prompts every day, and start again with --fresh"
        )
    if start.data != now.data:
        raise _another(directory, "on another offline set")
    check_source(directory, start, now.source)


def made_here(config: RunConfig) -> dict[str, str]:
    """The current versions, and the number of devices if there are several."""
    compute = config.compute
    return versions() | ({DEVICES: f"{compute.devices}, {compute.parallel}"} if compute.devices > 1 else {})


def made_by(events: Sequence[Event]) -> dict[str, str]:
    """The versions that trained the run most recently."""
    later = [event.versions for event in events if isinstance(event, Resumed)]
    return later[-1] if later else start_of(events).origin.versions


def check_source(directory: Path, start: Start, now: str | None) -> None:
    """Refuse a run whose objective's file has changed since it started.

    Raises:
        HarnessError: the file has changed.
    """
    if start.source != now:
        raise _another(directory, "with another version of its objective's file")


def check_grader(directory: Path, start: Start) -> None:
    """Refuse to continue a run that another grader has rewarded so far.

    Raises:
        HarnessError: the grader has changed.
    """
    if start.origin.grader != (now := grader_of(versions())):
        raise _another(directory, f"with grader {start.origin.grader}, but the current grader is {now}")


def _another(directory: Path, what: str) -> HarnessError:
    return HarnessError(f"{directory} was started {what}; start again with --fresh")


def _clear(directory: Path) -> None:
    """Delete an earlier run, except for the lock."""
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()
