"""``harness run --dry-run``: the runs that would start, and the resolved suite as a file for ``--suite``."""

import yaml

from harness.config.run_config import RunConfig
from harness.launch.plan import Plan
from harness.launch.scheduling import Forecaster
from harness.studies.planning.forecast import Forecast
from harness.studies.planning.parts import bytes_of, parts_of
from harness.studies.planning.tables import told
from harness.studies.planning.this_cpu import measured

MOMENTS = 2
"""The number of tensors that a checkpoint keeps for each trained weight, besides the weight itself."""


def rehearsal(planned: Plan, forecaster: Forecaster) -> str:
    """Comment lines with the runs and their estimates, then the resolved suite as YAML."""
    runs, on = planned.runs, "an H100"
    if runs[0].model.device == "cpu":
        threads = runs[0].compute.threads
        forecaster, on = Forecast(measured(threads)), f"{threads} core{'s' * (threads > 1)} of this CPU"
    hours = [forecaster.hours(run) for run in runs]
    model = parts_of(runs[0]).policy.model
    trained = bytes_of(weight for weight in model.parameters() if weight.requires_grad)
    lines = [
        f"{planned.invocation.name} of {planned.suite.name}: {len(runs)} runs, {runs[0].budget} each",
        f"time: about {told(3600 * max(hours))} for the longest run, {told(3600 * sum(hours))} for all on {on} "
        "(a rough estimate for completions of the largest length; harness plan explains it)",
        f"memory: {_memory([forecaster.gib(run) for run in runs])}",
        f"disk: per run, {_checkpoint(runs[0], trained)}"
        f"{bytes_of(model.parameters()) / 1e6:,.1f} MB for the final model",
        *planned.choices,
        *(f"run {run.run_id}" for run in runs),
    ]
    suite = yaml.safe_dump(planned.suite.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return "".join(f"# {line}\n" for line in lines) + suite


def _checkpoint(run: RunConfig, trained: float) -> str:
    return f"up to {(1 + MOMENTS) * trained / 1e6:,.1f} MB for the checkpoint and " if run.compute.checkpoints else ""


def _memory(gib: list[float | None]) -> str:
    known = [size for size in gib if size is not None]
    return f"about {max(known):.1f} GiB for the largest run" if known else "not known for this model"
