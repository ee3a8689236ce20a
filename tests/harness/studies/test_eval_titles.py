"""Tables of evaluations: if their settings differ, so do their titles."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.studies.evals.document import OwnEval
from harness.studies.evals.results import EvalStore

PUBLISHED = "svamp_test.jsonl@Qwen2.5-Coder-0.5B-Instruct"
OTHER: dict[str, Any] = {
    "task.name": "jsonl",
    "task.data": "mine.jsonl",
    "task.options": {"numbers": "changed"},
    "task.grading": "lenient",
    "task.format": "hash",
    "task.system": "Be brief.",
    "task.few_shot": 4,
    "task.few_shot_as": "text",
    "task.prefill": "So",
    "split": "validation",
    "problems": 7,
    "k": 9,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "max_tokens": 77,
    "stop": ("END",),
    "seed": 3,
}
"""Another value of every setting."""


def test_tables_with_different_settings_have_different_titles(committed: Path) -> None:
    result = EvalStore(committed / "results" / PUBLISHED).read()["gsm8k-cee436d36d"][0]
    assert isinstance(result, OwnEval)
    settings, task = result.settings, result.settings.task
    assert settings.problems == result.summary.problems
    changes = {f"task.{name}" for name in type(task).model_fields} | set(type(settings).model_fields) - {"task"}
    assert set(OTHER) == changes
    titles = {result.title}
    for key, value in OTHER.items():
        name = key.removeprefix("task.")
        inner = task.model_copy(update={name: value}) if name != key else task
        outer = {"task": inner} | ({} if name != key else {name: value})
        summary = replace(result.summary, problems=OTHER["problems"]) if key == "problems" else result.summary
        titles.add(replace(result, settings=settings.model_copy(update=outer), summary=summary).title)
    assert len(titles) == 1 + len(OTHER)
