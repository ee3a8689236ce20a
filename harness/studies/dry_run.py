"""``harness run --dry-run``: the runs that would start, and the resolved suite as a file for ``--suite``."""

import yaml

from harness.launch.plan import Plan
from harness.launch.scheduling import Forecaster
from harness.studies.planning.disk import disk_of
from harness.studies.planning.forecast import Forecast
from harness.studies.planning.parts import parts_of
from harness.studies.planning.tables import told
from harness.studies.planning.this_cpu import measured


def rehearsal(planned: Plan, forecaster: Forecaster) -> str:
    """Comment lines with the runs and their estimates, then the resolved suite as YAML."""
    runs, on = planned.runs, "an H100"
    if runs[0].model.device == "cpu":
        threads = runs[0].compute.threads
        forecaster, on = Forecast(measured(threads)), f"{threads} core{'s' * (threads > 1)} of this CPU"
    hours = [forecaster.hours(run) for run in runs]
    lines = [
        f"{planned.invocation.name} of {planned.suite.name}: {len(runs)} runs, {runs[0].budget} each",
        f"time: about {told(3600 * max(hours))} for the longest run, {told(3600 * sum(hours))} for all on {on} "
        "(a rough estimate for completions of the largest length; harness plan explains it)",
        f"memory: {_memory([forecaster.gib(run) for run in runs])}",
        f"disk: per run, {_disk(planned)}",
        *planned.choices,
        *(f"run {run.run_id}" for run in runs),
    ]
    suite = yaml.safe_dump(planned.suite.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return "".join(f"# {line}\n" for line in lines) + suite


def _disk(planned: Plan) -> str:
    """The largest files of a run of any objective. A critic is part of the checkpoint."""
    first, *others = {run.arm_key: run for run in planned.runs}.values()
    parts = parts_of(first)
    files = [disk_of(first, parts), *(disk_of(run, parts_of(run, parts)) for run in others)]
    checkpoint, model = max(file.checkpoint for file in files), max(file.model for file in files)
    until = f"up to {checkpoint / 1e6:,.1f} MB for the checkpoint and " if checkpoint else ""
    return f"{until}{model / 1e6:,.1f} MB for the final model"


def _memory(gib: list[float | None]) -> str:
    known = [size for size in gib if size is not None]
    return f"about {max(known):.1f} GiB for the largest run" if known else "not known for this model"
