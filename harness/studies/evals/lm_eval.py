"""Tasks of lm-evaluation-harness with our engines."""

from collections.abc import Sequence
from pathlib import Path

from evaluators.lm_eval.evaluation import LmEvalRecord, run_tasks
from evaluators.statistics.estimates import over_seeds
from harness.models.policy import Policy
from harness.report.numbers.interval import Interval
from harness.rollout.engines.engine import RolloutEngine
from harness.rollout.generating import generate_with
from harness.studies.evals.document import LmEvalSummary, Score
from harness.studies.evals.settings import LmEvalSettings

CONTEXT_CACHE_GIB = 4.0
"""The size of vLLM's KV cache. Prompts may be as long as the model's context, but few are."""


def measure_lm_eval(
    settings: LmEvalSettings, policy: Policy, engine: RolloutEngine
) -> tuple[LmEvalSummary, tuple[LmEvalRecord, ...]]:
    """The results of lm-eval on the task, and its record of each problem."""
    data = Path(settings.data) if settings.data else None
    generate = generate_with(engine, policy, settings.seed)
    (found,) = run_tasks([settings.task], generate, data=data, limit=settings.problems, seed=settings.seed)
    scores = {}
    for score in found.scores:
        span = interval_of([record.metrics[f"{score.metric},{score.filter}"] for record in found.records])
        name = score.metric if score.filter == "none" else f"{score.metric} {score.filter}"
        scores[name] = Score(mean=span.mean, low=span.low, high=span.high, of_lm_eval=score.value)
    responses = sum(len(record.responses) for record in found.records)
    summary = LmEvalSummary(
        problems=found.problems,
        task_version=found.version,
        fewshot=found.fewshot,
        lm_eval=found.lm_eval,
        scores=scores,
        completion_tokens=sum(record.tokens for record in found.records) / responses,
        truncated=sum(record.truncated for record in found.records) / responses,
    )
    return summary, found.records


def interval_of(values: Sequence[float]) -> Interval:
    """Wilson's interval if all values are shares; Student's for other metrics, such as a length."""
    shares = all(0 <= value <= 1 for value in values)
    return Interval.over_problems(values) if shares else Interval.of(over_seeds(values))
