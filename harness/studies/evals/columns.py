"""The columns of evaluations. Markdown, terminal and legend all use these definitions."""

from collections.abc import Sequence

from harness.report.pages.cells import count, tenths
from harness.report.pages.grid import Column, interval, share
from harness.studies.evals.document import LmEval, OwnEval

MODEL: Column[OwnEval] = Column("model", lambda one: one.model, lambda one: one.model, whole=True)
SCORED: tuple[Column[OwnEval], ...] = (
    MODEL,
    interval(
        "acc@1 %",
        lambda one: one.summary.acc_at_1,
        "acc@1: the share of correct samples, over k samples per problem. pass@k: the probability that one of k "
        "samples is correct (unbiased estimate). maj@k: the share of problems whose most frequent answer is correct. "
        "Brackets: Wilson's 95 % interval for other problems of the same kind",
        whole=True,
    ),
    interval("pass@k %", lambda one: one.summary.pass_at_k),
    interval("maj@k %", lambda one: one.summary.maj_at_k),
    interval("greedy %", lambda one: one.summary.greedy, whole=True),
)
"""Columns on the accuracy of a model."""
FORMAT: Column[OwnEval] = Column(
    "format",
    lambda one: one.answer_format,
    lambda one: one.answer_format,
    "format: the answer format of the prompt",
    whole=True,
)
ANSWERED: tuple[Column[OwnEval], ...] = (
    share("cut %", lambda one: one.summary.truncated),
    share("no answer %", lambda one: one.summary.unparsed),
    share("timed out %", lambda one: one.summary.grader_timeouts),
    share("paid %", lambda one: one.summary.audit_paid),
    share("missed %", lambda one: one.summary.audit_missed),
)
LENGTH: Column[OwnEval] = Column(
    "length",
    lambda one: tenths(one.summary.completion_tokens),
    lambda one: one.summary.completion_tokens,
    "length: tokens per sample. cut: samples that reached the length limit. timed out: samples on which the grader ran "
    "out of time. paid: accepted by the grader, rejected by a second rule. missed: rejected by the grader, accepted by "
    "that rule. tokens: all sampled tokens",
)
BEHAVED: tuple[Column[OwnEval], ...] = (
    MODEL,
    FORMAT,
    LENGTH,
    *ANSWERED,
    Column("tokens", lambda one: count(one.summary.sampled_tokens), lambda one: one.summary.sampled_tokens),
)
"""Columns on the samples of a model."""
BY_FORMAT: tuple[Column[OwnEval], ...] = (
    FORMAT,
    interval("acc@1 %", lambda one: one.summary.acc_at_1, whole=True),
    interval("greedy %", lambda one: one.summary.greedy, whole=True),
    LENGTH,
    *ANSWERED,
)
"""Columns for one model with several answer formats."""


def of_lm_eval(results: Sequence[LmEval]) -> list[Column[LmEval]]:
    """Columns for results of lm-eval, with one column per score of the task."""
    return [
        Column("model", lambda one: one.model, lambda one: one.model, whole=True),
        *(_scored(name) for name in results[0].summary.scores),
        Column("length", lambda one: tenths(one.summary.completion_tokens), lambda one: one.summary.completion_tokens),
        share("cut %", lambda one: one.summary.truncated),
    ]


def _scored(name: str) -> Column[LmEval]:
    return interval(f"{name.removeprefix('exact_match ')} %", lambda one: one.summary.scores.get(name))
