"""Sampling of the models, one after the other or several at a time."""

import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from evaluators.statistics.accuracy import read_records
from evaluators.types import Verdict
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.records.out_dir import OutDir
from harness.rollout.grading import verdict
from harness.studies.evals.command import measured
from harness.studies.evals.results import EvalStore
from harness.studies.evals.settings import EvalSettings, EvalSuite
from harness.studies.passes.counts import Counts
from harness.terminal import Terminal


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How the models are sampled."""

    k: int
    """Samples of each test problem."""
    command: str
    fresh: bool
    """Whether to sample again what an earlier command has sampled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A model whose samples are counted: that of a run, or the one from which all runs begin."""

    name: str
    """Its name in tables."""
    regime: str
    seed: int
    config: RunConfig
    path: str

    @property
    def told(self) -> str:
        return f"{self.name} {self.regime} seed {self.seed}" if self.regime else "the model before training"


def counted(
    models: Sequence[Examined], how: Sampling, out_dir: OutDir, console: Terminal, workers: int
) -> list[Counts]:
    """The counts of the models, in their order. An interrupted call keeps the models that it has finished.

    Args:
        workers: the number of models that are sampled at a time, each in a process of its own.

    Raises:
        HarnessError: a model cannot be sampled as in its run.
    """
    try:
        if workers == 1:
            return _told(models, (_counts(model, how, out_dir, console) for model in models), console)
        return _side_by_side(models, how, out_dir, console, workers)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on with the models that are left")
        raise


def _side_by_side(
    models: Sequence[Examined], how: Sampling, out_dir: OutDir, console: Terminal, workers: int
) -> list[Counts]:
    quietly = partial(_quiet_counts, how=how, out_dir=out_dir)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_finish_first) as pool:
        try:
            return _told(models, pool.map(quietly, models), console)
        except BaseException:
            console.say("finishing the models that are being sampled ...")
            pool.shutdown(cancel_futures=True)
            raise


def _told(models: Sequence[Examined], found: Iterable[Counts], console: Terminal) -> list[Counts]:
    """The counts, each printed when it is there."""
    kept = []
    for model, counts in zip(models, found, strict=True):
        kept.append(counts)
        share = counts.correct.mean() / counts.samples
        console.say(f"{len(kept)}/{len(models)} {model.told}: pass@1 {share:.1%}")
    return kept


def _finish_first() -> None:
    """Ignore an interrupt, which reaches all processes: the models that are being sampled are finished and stored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _quiet_counts(one: Examined, how: Sampling, out_dir: OutDir) -> Counts:
    return _counts(one, how, out_dir, Terminal(level="quiet"))


def _counts(one: Examined, how: Sampling, out_dir: OutDir, console: Terminal) -> Counts:
    settings = as_in_training(one.config, how.k)
    merged = {"dtype": "float32"} if one.config.policy.lora else {}  # bfloat16 would round merged adapters away
    model = one.config.model.model_copy(update={"path": one.path} | merged)
    suite = EvalSuite(model=model, compute=one.config.compute, tasks=(settings,))
    try:
        examinee, (key,) = measured(suite, out_dir, fresh=how.fresh, command=how.command, console=console)
    except HarnessError as error:
        raise HarnessError(f"{one.told} cannot be sampled as in its run: {error}") from error
    correct: dict[str, int] = {}
    for record in read_records(EvalStore(out_dir.root).folder(key, examinee) / "samples.parquet"):
        right = verdict(record, settings.task.grading) is Verdict.CORRECT
        correct[record.problem] = correct.get(record.problem, 0) + right
    return Counts(
        objective=one.name,
        regime=one.regime,
        seed=one.seed,
        problems=tuple(correct),
        correct=np.array([*correct.values()]),
        samples=how.k,
    )


def as_in_training(config: RunConfig, k: int) -> EvalSettings:
    """The settings of the run's own test evaluation, with ``k`` samples."""
    held_out, rollout = config.evaluation, config.rollout
    return EvalSettings(
        task=config.task,
        split="test",
        problems=held_out.test_problems,
        k=k,
        temperature=rollout.temperature,
        top_p=held_out.top_p,
        top_k=held_out.top_k,
        max_tokens=rollout.max_tokens,
        stop=rollout.stop,
    )
