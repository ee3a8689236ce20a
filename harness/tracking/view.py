"""The data that MLflow shows for a run, as pure functions of the records of its journal.

MLflow's pages sort metrics by name, and show those that begin with ``system/`` apart from all others. So the names of
accuracies begin with ``accuracy/``, and those of spending with ``system/``.
"""

import json
from dataclasses import asdict
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag

from evaluators.types import Split
from harness.config.run_config import RunConfig, flat
from harness.records.events import End, Evaluation, Start, Step

LONGEST_PARAM = 6000
FINAL, VALIDATION = "accuracy/final", "accuracy/validation"
"""Metrics: the test accuracy of a finished run, and the validation accuracy during training. The step of the first is
0, because MLflow would draw a metric with a later step as a curve with one point."""
BUDGET = "system/budget_"
"""The beginning of the names of metrics of spending."""


def params_of(start: Start) -> dict[str, str]:
    """All settings by dotted keys. The keys are the same for every objective. ``algo`` names the objective."""
    config = start.config
    params: dict[str, Any] = {"algo": config.objective.name, "seed": config.seed, "regime": config.regime}
    params |= flat(config.model_dump(mode="json", exclude={"seed", "regime"}))
    params |= flat(start.origin.versions, "version.")
    return {key: str(value)[:LONGEST_PARAM] for key, value in params.items()}


def description_of(start: Start) -> str:
    """A description of the run in Markdown, with the command that repeats it."""
    config, origin = start.config, start.origin
    return (
        f"`{config.objective.name}` ({config.objective.objective}), seed {config.seed}, regime `{config.regime}`, "
        f"{config.budget}, suite {config.suite}. Steps of its metrics are {config.budget.unit.replace('_', ' ')} spent"
        f"{UNIT_NOTE.get(config.budget.unit, '')}.\n\n"
        f"Code {origin.versions['commit']}; part of:\n\n    {origin.invocation.command}"
    )


def datasets_of(start: Start) -> list[DatasetInput]:
    """The problems of each split with the hash of their content, and the offline set if there is one."""
    task = start.config.task
    source = json.dumps({"task": task.name, "data": task.data, "options": task.options})
    sets = [(split, start.identity.problems[split], {"problems": count}) for split, count in start.sizes.items()]
    if start.data:
        sets.append(("offline", start.data.content[:36], {"completions": start.data.completions}))
    return [
        DatasetInput(
            Dataset(
                name=f"{task.name} {split}",
                digest=digest,
                source_type="harness",
                source=source,
                profile=json.dumps(profile),
            ),
            [InputTag("mlflow.data.context", split)],
        )
        for split, digest, profile in sets
    ]


def metrics_of(event: Step | Evaluation | End, task: str, final: Evaluation | None) -> dict[str, float | None]:
    """An event's metrics by name. The names are the same for all objectives. None means not finite.

    ``final`` is the test evaluation of a finished run.
    """
    task = task.replace(":", ".")
    ledger = event.ledger.counts() | event.ledger.timings()
    metrics: dict[str, float | None] = {f"{BUDGET}{unit}": float(amount) for unit, amount in ledger.items()}
    if isinstance(event, Step):
        metrics |= {**event.metrics, "compute/mfu": event.mfu}
    if isinstance(event, Evaluation):
        room = "test" if event.split is Split.TEST else "eval"
        numbers = asdict(event.summary) | {"kl": event.kl, "kl_k3": event.kl_k3}
        del numbers["verdicts"]
        if event.split is Split.VALIDATION:
            metrics[VALIDATION] = event.summary.accuracy
        metrics |= {f"{room}/{task}_acc": numbers.pop("accuracy")}
        metrics |= {f"{room}/{task}_{key}": value for key, value in numbers.items()}
    if isinstance(event, End) and final:
        metrics[FINAL] = final.summary.accuracy
    return metrics


SCALE = {"seconds": 1e3, "flops": 1e-9}
UNIT_NOTE = {"seconds": ", in milliseconds", "flops": ", in 1e9"}


def position(event: Step | Evaluation | End, config: RunConfig) -> int:
    """MLflow's integer step: the budget spent. Seconds are counted in milliseconds, and FLOPs in 1e9."""
    unit = config.budget.unit
    return int(event.ledger.spent(unit) * SCALE.get(unit, 1))
