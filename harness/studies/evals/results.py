"""The store of evaluations: ``evals/<settings>/<model>/eval.json``, with all completions beside it."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from evaluators.atomic import replacement
from evaluators.lm_eval.evaluation import LmEvalRecord
from evaluators.lm_eval.tasks import local_names
from evaluators.statistics.accuracy import write_records
from harness.config.run_config import digest, flat
from harness.config.settings import ComputeSettings, ModelSettings
from harness.errors import HarnessError
from harness.records.graders import grader_of
from harness.records.provenance import versions
from harness.studies.evals.document import EvalResult, LmEval, LmEvalSummary, OwnEval
from harness.studies.evals.measure import Measured
from harness.studies.evals.settings import EvalSettings, LmEvalSettings, slug

RESULT = "eval.json"
FORMAT = 2
"""The version of the file format. It is raised when older versions of the harness cannot read new files.

A file without a version has format 1, in which pass@k and maj@k were numbers without an interval.
"""
KINDS: dict[str, type[EvalResult]] = {"own": OwnEval, "lm-eval": LmEval}
ADAPTERS: dict[str, TypeAdapter[EvalResult]] = {name: TypeAdapter(kind) for name, kind in KINDS.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Examinee:
    """The model that is measured, and how it is computed."""

    name: str
    weights: str
    """A hash of the weights."""
    model: ModelSettings
    compute: ComputeSettings
    command: str

    @property
    def folder(self) -> str:
        """A readable folder name. Other weights or another chat template have another folder."""
        usual = ModelSettings(path=self.model.path)
        template = {key: getattr(self.model, key) for key in ("chat_template", "chat_template_args")}
        other = any(getattr(usual, key) != value for key, value in template.items())
        return f"{slug(self.name)}-{self.weights[:8]}" + (f"-{digest(template)}" if other else "")


@dataclass(frozen=True, slots=True)
class EvalStore:
    """The evaluations under a results directory."""

    out: Path

    @property
    def root(self) -> Path:
        return self.out / "evals"

    def folder(self, key: str, examinee: Examinee) -> Path:
        return self.root / key / examinee.folder

    def has(self, key: str, examinee: Examinee, problems: str | None = None) -> bool:
        """Whether there is a measurement of these problems with the current grader, by the same engine and precision.

        ``problems``: for our own tasks, a hash of the problems. If a data file has changed, the hash does not match.
        """
        folder = self.folder(key, examinee)
        if not (folder / RESULT).is_file():
            return False
        found = read_result(folder)
        if isinstance(found, OwnEval) and found.problems_hash != problems:
            return False
        if (found.computed["engine"], found.computed["dtype"]) != (examinee.compute.engine, examinee.model.dtype):
            return False
        theirs = isinstance(found, LmEval) and found.settings.task not in local_names()
        return found.grader == grader_of(versions()) or (theirs and not found.grader)

    def save(
        self, examinee: Examinee, settings: EvalSettings, answer_format: str, problems: str, measured: Measured
    ) -> None:
        """Save an evaluation on one of our own tasks. ``problems``: a hash of the problems."""
        folder = self.folder(settings.key, examinee)
        folder.mkdir(parents=True, exist_ok=True)
        write_records(measured.samples, folder / "samples.parquet")
        write_records(measured.greedy, folder / "greedy.parquet")
        about = _about(examinee, settings.key)
        result = OwnEval(
            **about,
            settings=settings,
            answer_format=answer_format,
            problems_hash=problems,
            summary=measured.summary,
        )
        _finish(result, folder)

    def save_lm_eval(
        self, examinee: Examinee, settings: LmEvalSettings, summary: LmEvalSummary, records: Sequence[LmEvalRecord]
    ) -> None:
        folder = self.folder(settings.key, examinee)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [asdict(record) | {"metrics": json.dumps(record.metrics)} for record in records]
        pq.write_table(pa.Table.from_pylist(rows), folder / "records.parquet", compression="zstd")
        _finish(LmEval(**_about(examinee, settings.key), settings=settings, summary=summary), folder)

    def read(self, keys: Sequence[str] | None = None) -> dict[str, list[EvalResult]]:
        """All results, or those of some keys, by key and with the best model first.

        If several graders judged the results of a key, results of older graders are under ``KEY, grader X``.
        """
        found: dict[str, list[EvalResult]] = {}
        for path in sorted(self.root.glob(f"*/*/{RESULT}")):
            if keys is None or path.parent.parent.name in keys:
                found.setdefault(path.parent.parent.name, []).append(read_result(path.parent))
        parts = {name: part for key, results in found.items() for name, part in by_grader(key, results).items()}
        for results in parts.values():
            results.sort(key=lambda result: (-result.headline, result.model))
        return parts


def by_grader(key: str, results: Sequence[EvalResult]) -> dict[str, list[EvalResult]]:
    """The results by grader. Those of the grader of the newest result come first, under ``key`` itself."""
    newest = max(results, key=lambda result: result.time).grader
    parts: dict[str, list[EvalResult]] = {key: []}
    for result in results:
        name = key if result.grader == newest else f"{key}, grader {result.grader}"
        parts.setdefault(name, []).append(result)
    return parts


def encode(result: EvalResult) -> dict[str, Any]:
    """The result as a JSON object."""
    (kind,) = (name for name, made in KINDS.items() if isinstance(result, made))
    content = asdict(result) | {"settings": result.settings.model_dump(mode="json")}
    return {"format": FORMAT, "kind": kind, **content}


def read_result(folder: Path) -> EvalResult:
    """The result in the folder of an evaluation.

    Raises:
        HarnessError: a later version wrote it, or this version cannot read it.
    """
    path = folder / RESULT
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if (found := record.get("format", 1)) > FORMAT:
            raise HarnessError(
                f"{path} has format {found}, but this version reads formats up to {FORMAT}; install the version of "
                "the harness that wrote it"
            )
        if found == 1 and record["kind"] == "own":
            for name in ("pass_at_k", "maj_at_k"):
                record["summary"][name] = {"mean": record["summary"][name], "low": None, "high": None}
        return ADAPTERS[record["kind"]].validate_python(record)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise HarnessError(f"this version cannot read {path}; delete the file to measure again") from error


def _about(examinee: Examinee, key: str) -> dict[str, Any]:
    """The fields of :class:`Evaluated` without the settings."""
    computed = flat(examinee.compute.model_dump(mode="json") | examinee.model.model_dump(mode="json", exclude={"path"}))
    return {
        "model": examinee.name,
        "path": examinee.model.path,
        "weights": examinee.weights,
        "key": key,
        "computed": computed,
        "versions": versions(),
        "command": examinee.command,
        "time": time.time(),
    }


def _finish(result: EvalResult, folder: Path) -> None:
    """Write the result last, so that its presence means that everything is there."""
    with replacement(folder / RESULT) as new:
        new.write_text(json.dumps(encode(result), indent=1) + "\n", encoding="utf-8")
