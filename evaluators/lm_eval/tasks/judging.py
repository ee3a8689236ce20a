"""The verdicts of our grader as metrics of lm-eval tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.grading.grader import Grader
from evaluators.types import Verdict

GRADER = Grader()
"""The grader of all documents. The function that runs a task closes it."""


def judge(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """``strict`` and ``lenient``: 1 if the first of ``results`` has the document's ``answer``; see ``Grade``."""
    (grade,) = GRADER.grade([(doc["answer"], results[0])])
    return {"strict": float(grade.strict is Verdict.CORRECT), "lenient": float(grade.lenient is Verdict.CORRECT)}
