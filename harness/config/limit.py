"""A quick look: a suite that is cut down to a number of problems, under its own name."""

import math
from collections.abc import Sequence
from typing import Any

from harness.config.budget import Budget
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError


def limited(limit: int | None, changes: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """``--limit`` as a change of the suite, or no change without it. ``changes`` are the other ones.

    Raises:
        HarnessError: another change also sets the length of a run.
    """
    if limit is None:
        return []
    if any(key.partition(".")[0] == "budget" for key, _ in changes):
        raise HarnessError(f"--limit {limit} and --budget both set the length of a run; give only one of them")
    return [("limit", limit)]


def cut(suite: SuiteConfig) -> SuiteConfig:
    """The suite, cut down to its ``limit``. Unchanged if it has no limit, or if it is cut already.

    A run is trained on ``limit`` prompts, rounded up to a whole rollout batch. It is evaluated on ``limit`` problems of
    each split. A budget in another unit becomes one of completions.
    """
    if suite.limit is None:
        return suite
    rollout, evaluation, tuning, suffix = suite.rollout, suite.evaluation, suite.tuning, f"-limit-{suite.limit}"
    completions = math.ceil(suite.limit / rollout.prompts) * rollout.prompts * rollout.group_size
    total = min(suite.budget.total, completions) if suite.budget.unit == "completions" else completions
    return suite.model_copy(
        update={
            "name": suite.name if suite.name.endswith(suffix) else suite.name + suffix,
            "budget": Budget(unit="completions", total=total),
            "rollout": rollout.model_copy(
                update={"offline_completions": min(rollout.offline_completions, completions)}
            ),
            "evaluation": evaluation.model_copy(
                update={
                    "validation_problems": min(evaluation.validation_problems, suite.limit),
                    "test_problems": min(evaluation.test_problems, suite.limit),
                }
            ),
            "tuning": tuning.model_copy(update={"validation_problems": min(tuning.validation_problems, suite.limit)}),
        }
    )
