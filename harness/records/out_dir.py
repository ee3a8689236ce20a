"""Where things lie under ``--out``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.config.run_config import RunConfig, SuiteConfig
from harness.config.suites import suite_names
from harness.errors import HarnessError
from harness.records.events import Event
from harness.records.journal import JOURNAL, Journal

CHECKPOINT = "checkpoint.safetensors"
"""What a run that has not ended resumes from."""
ERROR = "error.txt"
"""The traceback of an exception that ended a run."""
SETS = "offline"
"""Folder beside ``runs`` that holds the fixed sets of the offline regime."""
FINAL = "final"
"""The trained model, a transformers directory inside the run's."""
SUITE = "suite.yaml"
"""In a suite's folder: the suite itself, where no suite of that name ships with the package."""
EVALUATIONS = "evaluations"
"""Folder of a run: a table for each evaluation."""


def completions_of(split: str, step: int) -> str:
    """Where a run's folder keeps every completion of an evaluation."""
    return f"{EVALUATIONS}/{split}-{step:06d}.parquet"


@dataclass(frozen=True, slots=True)
class OutDir:
    """A directory of runs: ``<suite>/runs/<run id>/`` per run, and the tables of a suite beside ``runs``."""

    root: Path

    def suite(self, name: str) -> Path:
        return self.root / name

    def named(self, suite: str) -> str:
        """What :func:`harness.config.suites.load_suite` takes for a suite by its name, also one that ran here alone."""
        kept = self.suite(suite) / SUITE
        return str(kept) if suite not in suite_names() and kept.is_file() else suite

    def keep(self, suite: SuiteConfig) -> None:
        """Leave the suite beside its runs, so that its name is enough to make tables of them."""
        if suite.name not in suite_names():
            self.suite(suite.name).mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(suite.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
            (self.suite(suite.name) / SUITE).write_text(text, encoding="utf-8")

    def run(self, suite: str, run_id: str) -> Path:
        return self.suite(suite) / "runs" / run_id

    def run_of(self, config: RunConfig) -> Path:
        """Where a run of this config lies, or will."""
        return self.run(config.suite, config.run_id)

    def runs(self, suite: str = "*") -> Iterator[Path]:
        """The run directories with a journal, of one suite or all, in a fixed order."""
        yield from sorted(path.parent for path in self.root.glob(f"{suite}/runs/*/{JOURNAL}"))

    def journals(self, suite: str) -> Iterator[list[Event]]:
        """The journals of a suite's runs, one after the other: a thousand do not fit in memory at once."""
        return (Journal(path).read() for path in self.runs(suite))

    @property
    def tracking_uri(self) -> str:
        """The default MLflow store."""
        return f"sqlite:///{self.root.resolve() / 'mlflow.db'}"

    def prepare(self) -> None:
        """Make the directory, and see that it can be written.

        Raises:
            HarnessError: it cannot.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise HarnessError(f"cannot write to {self.root}: {error.strerror}; choose another --out") from error
