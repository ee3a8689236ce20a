"""A quick look: a suite that is cut down to a number of problems, under its own name."""

import math
from collections.abc import Sequence
from typing import Any

from harness.config.budget import Budget
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError


def limited(limit: int | None, changes: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """``--limit`` as a change of the suite, beside the other ``changes``; none without it.

    Raises:
        HarnessError: one of the others says how long a run is, too.
    """
    if limit is None:
        return []
    if any(key.partition(".")[0] == "budget" for key, _ in changes):
        raise HarnessError(f"--limit {limit} and --budget both say how long a run is; give one of them")
    return [("limit", limit)]


def cut(suite: SuiteConfig) -> SuiteConfig:
    """The suite with no more than what its ``limit`` allows; as it is without one, or if it is cut already.

    A run is trained on so many prompts, rounded up to a whole rollout batch, and evaluated on so many problems of each
    split. A budget in another unit becomes one of completions.
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
