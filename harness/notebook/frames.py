"""Runs and tables as pandas frames."""

import io
from collections.abc import Sequence

import pandas as pd

from evaluators.statistics.accuracy import SampleRecord
from harness.records.events import Evaluation, Event, Step
from harness.records.ledger import Ledger
from harness.records.results import RunResult
from harness.report.numbers.side_by_side import SideBySide


def of_csv(text: str) -> pd.DataFrame:
    """The frame of a CSV table that the harness writes."""
    return pd.read_csv(io.StringIO(text))


def of_runs(results: Sequence[RunResult]) -> pd.DataFrame:
    """One row per run: arm, regime and seed, status, test accuracy, and spending in every unit."""
    return pd.DataFrame(
        {
            **_named(run),
            "status": run.status,
            "start_accuracy": run.start.summary.accuracy if run.start else None,
            "accuracy": run.test.summary.accuracy if run.test else None,
            "ratio_mean": run.ratio_mean,
            **run.spent,
        }
        for run in results
    )


def of_curves(results: Sequence[RunResult]) -> pd.DataFrame:
    """One row per validation of a run: accuracy, KL from the reference in nats, and spending so far."""
    return pd.DataFrame(
        {
            **_named(run),
            "accuracy": point.accuracy,
            "kl": point.kl,
            **point.spent,
        }
        for run in results
        for point in run.curve
    )


def of_steps(events: Sequence[Event]) -> pd.DataFrame:
    """One row per training step: its metrics, and spending so far."""
    steps = [event for event in events if isinstance(event, Step)]
    return pd.DataFrame({"step": step.step, **step.metrics, "mfu": step.mfu, **_spent(step.ledger)} for step in steps)


def of_evaluations(events: Sequence[Event]) -> pd.DataFrame:
    """One row per evaluation: split, accuracy, and properties of the completions."""
    found = [event for event in events if isinstance(event, Evaluation)]
    names = ("accuracy", "completion_tokens", "truncated", "unparsed", "grader_timeouts", "audit_paid", "audit_missed")
    return pd.DataFrame(
        {
            "step": one.step,
            "split": str(one.split),
            "kl": one.kl,
            **{name: getattr(one.summary, name) for name in names},
        }
        for one in found
    )


def of_completions(records: Sequence[SampleRecord]) -> pd.DataFrame:
    """One row per completion: the problem, its answer, the text, and the verdicts of the grader."""
    names = ("problem", "question", "answer", "sample", "text", "extracted", "strict", "lenient", "tokens", "truncated")
    return pd.DataFrame([{name: getattr(record, name) for name in names} for record in records])


def of_examples(found: SideBySide) -> pd.DataFrame:
    """One row per problem that one side solves more often, with the share of correct samples of each side."""
    return pd.DataFrame(
        {
            "change": changed.kind,
            "problem": example.problem,
            "question": example.question,
            "answer": example.answer,
            **dict(zip(found.names, example.shares, strict=True)),
        }
        for changed in found.changed
        for example in changed.examples
    )


def _named(run: RunResult) -> dict[str, str | int]:
    """The columns that identify a run."""
    config = run.config
    return {"run_id": run.run_id, "objective": config.objective.name, "regime": config.regime, "seed": config.seed}


def _spent(ledger: Ledger) -> dict[str, float]:
    return {"completions": ledger.completions, "flops": ledger.flops, "seconds": ledger.seconds}
