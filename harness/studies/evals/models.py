"""The meaning of ``--model`` in an evaluation: a model as in other commands, or a finished run."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness.config.settings import TaskSettings
from harness.errors import HarnessError
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import FINAL, OutDir
from harness.records.results import start_of

RUN_ID = re.compile(r"-s\d+-[0-9a-f]{10}$")
"""How ids of runs end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A model to be measured."""

    name: str
    """The name in tables."""
    path: str
    """The path for :func:`harness.models.loading.load_policy`."""
    trained_on: TaskSettings | None = None
    """The training task, if the model comes from a run."""


def resolve(name: str, out_dir: OutDir) -> Candidate:
    """The model that ``name`` refers to.

    A run is given by its directory, by the directory of its final model, or by its id among the runs of ``out_dir``.

    Raises:
        HarnessError: there is no such run, or it has not finished.
    """
    path = Path(name)
    places = (path.parent if path.name == FINAL else path, *out_dir.root.glob(f"*/runs/{name}"))
    found = [place for place in places if (place / JOURNAL).is_file()]
    if not found and RUN_ID.search(name):
        raise HarnessError(f"no run {name} under {out_dir.root}; name its folder, or the --out that holds it")
    if not found:
        return Candidate(name=name.rstrip("/").rpartition("/")[2].removesuffix(".gguf"), path=name)
    if not (found[0] / FINAL).is_dir():
        raise HarnessError(f"the run {name} has no model, because it has not finished; resume it with harness run")
    start = start_of(Journal(found[0]).read())
    return Candidate(name=start.run_id, path=str(found[0] / FINAL), trained_on=start.config.task)
