"""The fixed set of the offline regime: sampled from the reference once per suite and seed, shared by all objectives."""

import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evaluators.formats import Asking
from evaluators.grading.grader import Grader
from evaluators.types import Problem
from harness.config.run_config import RunConfig, digest
from harness.errors import HarnessError
from harness.models.policy import Policy
from harness.records.events import Identity
from harness.records.graders import grader_of
from harness.records.locks import locked
from harness.records.out_dir import SETS
from harness.records.provenance import versions
from harness.rollout.engines.engine import RolloutEngine, sample_groups, sampling_of
from harness.rollout.grading import grade_groups, toss_rewards
from harness.rollout.groups import GROUPS, Group
from harness.seeds import ProblemOrder, Purpose, derive_seed
from harness.world import ALONE, World

ANY_TIME = float("inf")
WORD_EVERY = 60.0
"""Seconds between signs of life from rank 0 while it waits for another run. Otherwise it would seem lost."""
COMPLETIONS = "completions.json.gz"


def _here(folder: Path) -> AbstractContextManager[None]:
    return locked(folder, patience=ANY_TIME)


SHARED_BY: ContextVar[Callable[[Path], AbstractContextManager[None]]] = ContextVar("SHARED_BY", default=_here)
"""Locks the folder of a set for the run that makes it. Later runs find the set there. If runs do not share a disk,
another function replaces the lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedSet:
    """Graded completions of the reference."""

    groups: list[Group]
    content: str
    """A hash of problems, tokens and rewards."""
    seconds: float
    """The time of sampling and grading, which is charged to each run that uses the set."""

    @property
    def completions(self) -> int:
        return sum(len(group.completions) for group in self.groups)


def fixed_set(
    config: RunConfig, identity: Identity, suite: Path, make: Callable[[], list[Group]], world: World = ALONE
) -> FixedSet:
    """The fixed set that all runs with this model, these problems, rollout settings and seed share.

    The first run makes the set, and the others wait. All ranks of a run make it together, and rank 0 stores it.

    Raises:
        HarnessError: the stored set is damaged.
    """
    whole = config.identity()
    shares = {key: whole[key] for key in ("suite", "model", "task", "rollout", "seed")}
    shares["rollout"].pop("prompts")
    shares["rollout"].pop("reference_samples", None)
    shares["engine"] = config.compute.engine  # other engines draw other tokens
    shares["grader"] = grader_of(versions())  # other graders give other rewards
    folder = suite / SETS / f"s{config.seed}-{digest(shares | asdict(identity))}"
    path = folder / COMPLETIONS
    with _held(folder, world):
        if not world.first(world.rank == 0 and path.is_file()):
            started = time.perf_counter()
            groups = make()
            if world.rank == 0:
                _write(path, groups, time.perf_counter() - started)
        (fixed,) = world.first([_read(path)] if world.rank == 0 else [])
    if config.objective.control == "random_reward":
        return replace(fixed, groups=toss_rewards(fixed.groups, derive_seed(config.seed, Purpose.RANDOM_REWARD, 0)))
    return fixed


@contextmanager
def _held(folder: Path, world: World) -> Iterator[None]:
    """Rank 0 locks the folder while the other ranks wait. This may take hours if another run is making the set."""
    with ExitStack() as stack:
        if world.size == 1:
            stack.enter_context(SHARED_BY.get()(folder))
        elif world.rank == 0:
            entered = _begun(partial(stack.enter_context, SHARED_BY.get()(folder)))
            while not world.first(bool(wait([entered], WORD_EVERY).done)):
                pass
            entered.result()
        else:
            while not world.first(False):
                pass
        yield


def _begun(call: Callable[[], object]) -> Future[None]:
    """Start a call in a daemon thread, which does not keep the process alive."""
    ended: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except BaseException as error:
            ended.set_exception(error)
        else:
            ended.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    return ended


def sample_fixed(
    config: RunConfig,
    asking: Asking,
    reference: Policy,
    engine: RolloutEngine,
    grader: Grader,
    order: ProblemOrder[Problem],
    world: World = ALONE,
) -> list[Group]:
    """Sample the completions of a fixed set. The engine samples from the reference until its next ``sync``."""
    rollout = config.rollout
    problems = order.take(0, rollout.offline_completions // rollout.group_size)
    seed = derive_seed(config.seed, Purpose.OFFLINE, 0)
    engine.sync(reference)
    groups = sample_groups(engine, reference, problems, rollout.group_size, sampling_of(config, asking), seed, world)
    return grade_groups(grader, groups, config.task.grading, asking.form.marker, world)


def content_of(groups: list[Group]) -> str:
    """A hash, of sixteen hex digits, of everything that an objective learns from."""
    rows = [[g.problem.id, g.prompt_ids, [c.ids for c in g.completions], g.rewards] for g in groups]
    return sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _write(path: Path, groups: list[Group], seconds: float) -> None:
    stored = {"content": content_of(groups), "seconds": seconds, "groups": GROUPS.dump_python(groups, mode="json")}
    partial = path.with_suffix(".partial")
    with gzip.open(partial, "wt", encoding="utf-8", compresslevel=1) as file:
        json.dump(stored, file, allow_nan=False)
    partial.replace(path)


def _read(path: Path) -> FixedSet:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            stored: dict[str, Any] = json.load(file)
        groups = GROUPS.validate_python(stored["groups"])
        found = FixedSet(groups=groups, content=stored["content"], seconds=stored["seconds"])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, ValidationError) as error:
        raise HarnessError(
            f"the offline set {path} is damaged, or another version wrote it; delete it to make it again"
        ) from error
    if content_of(groups) != found.content:
        raise HarnessError(f"the offline set {path} does not match its hash; delete it to make it again")
    return found
