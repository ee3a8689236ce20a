"""The layout of files under ``--out``."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

import yaml

from evaluators.atomic import replacement
from harness.config.run_config import RunConfig, SuiteConfig
from harness.config.suites import suite_names
from harness.errors import HarnessError
from harness.records.events import Event
from harness.records.journal import JOURNAL, Journal

IDENTITY = ".identity"
"""The file in the directory with a random text."""
CHECKPOINT = "checkpoint.safetensors"
"""The state from which an unfinished run resumes."""
ERROR = "error.txt"
"""The traceback of an exception that ended a run."""
SETS = "offline"
"""The folder beside ``runs`` with the fixed sets of the offline regime."""
FINAL = "final"
"""The trained model, as a transformers directory inside the run's directory."""
SUITE = "suite.yaml"
"""The suite itself, in its folder, if the package has no suite of that name."""
EVALUATIONS = "evaluations"
"""The folder of a run with a table for each evaluation."""


def completions_of(split: str, step: int) -> str:
    """The path, in the folder of a run, of the table with all completions of an evaluation."""
    return f"{EVALUATIONS}/{split}-{step:06d}.parquet"


@dataclass(frozen=True, slots=True)
class OutDir:
    """A directory of runs: ``<suite>/runs/<run id>/`` per run, and the tables of a suite beside ``runs``."""

    root: Path

    def suite(self, name: str) -> Path:
        return self.root / name

    def named(self, suite: str) -> str:
        """The argument of :func:`harness.config.suites.load_suite` for a suite name, even if it is only known here."""
        kept = self.suite(suite) / SUITE
        return str(kept) if suite not in suite_names() and kept.is_file() else suite

    def keep(self, suite: SuiteConfig) -> None:
        """Save the suite beside its runs, so that its name is enough to make tables from them."""
        if suite.name not in suite_names():
            self.suite(suite.name).mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(suite.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
            (self.suite(suite.name) / SUITE).write_text(text, encoding="utf-8")

    def run(self, suite: str, run_id: str) -> Path:
        return self.suite(suite) / "runs" / run_id

    def run_of(self, config: RunConfig) -> Path:
        """The directory of a run with this config, whether or not it exists."""
        return self.run(config.suite, config.run_id)

    def runs(self, suite: str | None = None) -> Iterator[Path]:
        """The run directories with a journal, of one suite or all, in a fixed order."""
        folders = "*" if suite is None else glob.escape(suite)
        yield from sorted(path.parent for path in self.root.glob(f"{folders}/runs/*/{JOURNAL}"))

    def journals(self, suite: str) -> Iterator[list[Event]]:
        """The journals of a suite's runs. They are read one by one, because a thousand do not fit in memory."""
        return (Journal(path).read() for path in self.runs(suite))

    @property
    def tracking_uri(self) -> str:
        """The default MLflow store."""
        return f"sqlite:///{self.root.resolve() / 'mlflow.db'}"

    def identity(self) -> str:
        """A text that distinguishes this directory from all others, also from copies and those of other machines."""
        path = self.root / IDENTITY
        if not path.is_file():
            with replacement(path) as new:
                new.write_text(uuid4().hex)
        return f"{path.read_text()} at {self.root.resolve()}"

    def prepare(self) -> None:
        """Create the directory, and check that it can be written.

        Raises:
            HarnessError: it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.root):  # without a name, because other commands may do the same
                pass
        except OSError as error:
            raise HarnessError(f"cannot write to {self.root}: {error.strerror}; choose another --out") from error
