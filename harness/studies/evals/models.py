"""What ``--model`` of an evaluation stands for: a model as everywhere, or a run that has finished."""

from pathlib import Path

from harness.errors import HarnessError
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import FINAL, OutDir
from harness.records.results import start_of


def resolve(name: str, out_dir: OutDir) -> tuple[str, str]:
    """A name for tables, and a path for :func:`harness.models.loading.load_policy`.

    A run is its directory, or its id among the runs of ``out_dir``.

    Raises:
        HarnessError: the run has not finished.
    """
    found = [path for path in (Path(name), *out_dir.root.glob(f"*/runs/{name}")) if _is_run(path)]
    if not found:
        return name.rstrip("/").rpartition("/")[2].removesuffix(".gguf"), name
    if not (found[0] / FINAL).is_dir():
        raise HarnessError(f"the run {name} keeps no model: it has not finished; harness run resumes it")
    return start_of(Journal(found[0]).read()).run_id, str(found[0] / FINAL)


def _is_run(path: Path) -> bool:
    return (path / JOURNAL).is_file()
