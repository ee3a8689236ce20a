"""``harness run --dry-run``: what would run, and the suite as it would be used, as a file that ``--suite`` takes."""

import yaml

from harness.launch.plan import Plan
from harness.launch.scheduling import Forecaster
from harness.studies.planning.parts import bytes_of, parts_of
from harness.studies.planning.tables import told

MOMENTS = 2
"""Tensors that a checkpoint keeps beside each trained weight."""


def rehearsal(planned: Plan, forecaster: Forecaster) -> str:
    """Comment lines with the runs and their estimates, then the resolved suite as YAML."""
    runs = planned.runs
    hours = [forecaster.hours(run) for run in runs]
    on = "one core of a CPU" if runs[0].model.device == "cpu" else "an H100"
    model = parts_of(runs[0]).policy.model
    trained = bytes_of(weight for weight in model.parameters() if weight.requires_grad)
    lines = [
        f"{planned.invocation.name} of {planned.suite.name}: {len(runs)} runs, {runs[0].budget} each",
        f"time: about {told(3600 * max(hours))} for the longest run, {told(3600 * sum(hours))} for all on {on}; "
        "a rough estimate for the longest completions, which harness plan explains",
        f"memory: {_memory([forecaster.gib(run) for run in runs])}",
        f"disk: up to {(1 + MOMENTS) * trained / 1e6:,.1f} MB a run for its checkpoint, "
        f"{bytes_of(model.parameters()) / 1e6:,.1f} MB for the model it ends with",
        *planned.choices,
        *(f"run {run.run_id}" for run in runs),
    ]
    suite = yaml.safe_dump(planned.suite.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return "".join(f"# {line}\n" for line in lines) + suite


def _memory(gib: list[float | None]) -> str:
    known = [size for size in gib if size is not None]
    return f"about {max(known):.1f} GiB for the largest run" if known else "not known for this model"
