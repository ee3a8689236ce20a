"""The results of the Python interface. They display themselves as text, and as tables or pictures in notebooks."""

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from rich.console import Console, Group

from evaluators.statistics.accuracy import SampleRecord
from harness.config.run_config import RunConfig
from harness.notebook import frames
from harness.records.events import Event
from harness.records.results import RunResult
from harness.report.numbers.document import Board
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.compare_text import sentences, terminal
from harness.report.pages.exports import as_csv
from harness.report.pages.plots import learning_curves, save
from harness.report.pages.text import tables
from harness.studies.evals.document import EvalResult
from harness.studies.evals.tables import as_csv as evals_csv
from harness.studies.evals.tables import tables as eval_tables

SHOWN = ("regime", "objective", "status", "seeds", "accuracy_mean", "accuracy_low", "accuracy_high", "difference_mean")
"""The columns that a notebook shows. :attr:`Leaderboard.table` has all columns."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """A suite's runs, compared."""

    board: Board
    """All numbers as typed objects, with the content of ``leaderboard.json``."""
    results: tuple[RunResult, ...]
    """The runs behind the numbers."""

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per arm and regime, controls included, with the columns of ``leaderboard.csv``. Accuracies are
        shares.
        """
        return frames.of_csv(as_csv(self.board))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run."""
        return frames.of_runs(self.results)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row per validation of a run."""
        return frames.of_curves(self.results)

    def __str__(self) -> str:
        return _as_text(tables(self.board))

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        save(learning_curves(self.board), file)
        picture = base64.b64encode(file.getvalue()).decode()
        image = f'<img alt="validation accuracy against budget" src="data:image/png;base64,{picture}">'
        return str(self.table[list(SHOWN)].to_html(index=False, float_format="{:.3f}".format)) + image


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two objectives or two runs, side by side."""

    found: SideBySide
    """All results as typed objects."""

    @property
    def difference(self) -> float:
        """The difference of mean accuracies, as a share: the first minus the second."""
        return self.found.difference.mean

    @cached_property
    def problems(self) -> pd.DataFrame:
        """The problems on which the two differ most."""
        return frames.of_examples(self.found)

    def __str__(self) -> str:
        return _as_text(terminal(self.found))

    def _repr_html_(self) -> str:
        said = pd.DataFrame({"": sentences(self.found)})
        return f"{said.to_html(index=False, header=False, border=0)}{self.problems.to_html(index=False)}"


@dataclass(frozen=True, kw_only=True)
class Evaluations:
    """Evaluations of models on tasks: all models that were measured with the same settings."""

    results: dict[str, list[EvalResult]]
    """Results by the key of their settings, with the best model first."""

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per model and task, with the columns of ``evals.csv``."""
        return frames.of_csv(evals_csv(self.results))

    def __str__(self) -> str:
        return _as_text(eval_tables(self.results))

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False, float_format="{:.3f}".format))


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, loaded from its folder."""

    folder: Path
    result: RunResult
    events: tuple[Event, ...]
    """The events of its journal."""
    samples: tuple[SampleRecord, ...]
    """The completions of its last test evaluation. Empty until the run has finished."""

    @property
    def config(self) -> RunConfig:
        """The config, which determines everything that the run computes."""
        return self.result.config

    @cached_property
    def steps(self) -> pd.DataFrame:
        """One row per step, with metrics and spending."""
        return frames.of_steps(self.events)

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """One row per evaluation."""
        return frames.of_evaluations(self.events)

    @cached_property
    def completions(self) -> pd.DataFrame:
        """One row per completion of the last test evaluation."""
        return frames.of_completions(self.samples)

    def __str__(self) -> str:
        accuracy = f", test accuracy {self.result.test.summary.accuracy:.3f}" if self.result.test else ""
        return f"{self.result.run_id}: {self.result.status}, {len(self.steps)} steps{accuracy}"

    def _repr_html_(self) -> str:
        return f"<p>{self}</p>{self.evaluations.to_html(index=False, float_format='{:.3f}'.format)}"


def _as_text(shown: Group) -> str:
    file = io.StringIO()
    Console(file=file, width=200, soft_wrap=True).print(shown, highlight=False)
    return file.getvalue()
