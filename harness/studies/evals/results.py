"""Where evaluations lie: ``evals/<settings>/<model>/eval.json``, and every completion beside it."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluators.lm_eval.evaluation import LmEvalRecord
from evaluators.statistics.accuracy import write_records
from harness.config.settings import ComputeSettings, ModelSettings
from harness.records.provenance import versions
from harness.studies.evals.measure import Measured
from harness.studies.evals.settings import EvalSettings, LmEvalSettings, Record, slug

RESULT = "eval.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Examinee:
    """The model that is measured, and how."""

    name: str
    weights: str
    """A hash of them."""
    model: ModelSettings
    compute: ComputeSettings
    command: str


@dataclass(frozen=True, slots=True)
class EvalStore:
    """The evaluations under a results directory."""

    out: Path

    @property
    def root(self) -> Path:
        return self.out / "evals"

    def folder(self, key: str, examinee: Examinee) -> Path:
        return self.root / key / f"{slug(examinee.name)}-{examinee.weights[:8]}"

    def has(self, key: str, examinee: Examinee) -> bool:
        return (self.folder(key, examinee) / RESULT).is_file()

    def save(self, examinee: Examinee, settings: EvalSettings, problems: str, measured: Measured) -> None:
        """``problems``: a hash of them."""
        folder = self.folder(settings.key, examinee)
        folder.mkdir(parents=True, exist_ok=True)
        write_records(measured.samples, folder / "samples.parquet")
        write_records(measured.greedy, folder / "greedy.parquet")
        self._finish(examinee, settings, {"kind": "own", "problems_hash": problems, "summary": measured.summary})

    def save_lm_eval(
        self, examinee: Examinee, settings: LmEvalSettings, summary: Record, records: Sequence[LmEvalRecord]
    ) -> None:
        folder = self.folder(settings.key, examinee)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [asdict(record) | {"metrics": json.dumps(record.metrics)} for record in records]
        pq.write_table(pa.Table.from_pylist(rows), folder / "records.parquet", compression="zstd")
        self._finish(examinee, settings, {"kind": "lm-eval", "summary": summary})

    def _finish(self, examinee: Examinee, settings: EvalSettings | LmEvalSettings, content: Record) -> None:
        """The result last: with it, all is there."""
        computed: dict[str, Any] = examinee.compute.model_dump(mode="json")
        computed |= examinee.model.model_dump(mode="json", exclude={"path"})
        record = {
            "model": examinee.name,
            "path": examinee.model.path,
            "weights": examinee.weights,
            "key": settings.key,
            "settings": settings.model_dump(mode="json"),
            "computed": computed,
            "versions": versions(),
            "command": examinee.command,
            "time": time.time(),
        }
        folder = self.folder(settings.key, examinee)
        partial = folder / f".{RESULT}.{os.getpid()}"
        partial.write_text(json.dumps(record | content, indent=1) + "\n", encoding="utf-8")
        partial.replace(folder / RESULT)
