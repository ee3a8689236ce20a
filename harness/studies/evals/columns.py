"""The columns of evaluations, each once: for Markdown, terminal and legend."""

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
        "acc@1: mean over k samples of each problem; pass@k: one of them is correct, unbiased; maj@k: the most "
        "frequent answer is; in brackets: 95 % interval for other problems of the kind (Wilson's)",
        whole=True,
    ),
    interval("pass@k %", lambda one: one.summary.pass_at_k),
    interval("maj@k %", lambda one: one.summary.maj_at_k),
    interval("greedy %", lambda one: one.summary.greedy, whole=True),
)
"""What a model can do."""
FORMAT: Column[OwnEval] = Column(
    "format",
    lambda one: one.answer_format,
    lambda one: one.answer_format,
    "format: how the answer was asked for",
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
    "length: tokens a sample; cut: at the length limit; timed out: the grader; paid: accepted by the grader "
    "against a second rule, missed: the other way round; tokens: sampled in all",
)
BEHAVED: tuple[Column[OwnEval], ...] = (
    MODEL,
    FORMAT,
    LENGTH,
    *ANSWERED,
    Column("tokens", lambda one: count(one.summary.sampled_tokens), lambda one: one.summary.sampled_tokens),
)
"""What its samples are like."""
BY_FORMAT: tuple[Column[OwnEval], ...] = (
    FORMAT,
    interval("acc@1 %", lambda one: one.summary.acc_at_1, whole=True),
    interval("greedy %", lambda one: one.summary.greedy, whole=True),
    LENGTH,
    *ANSWERED,
)
"""One model, asked in several ways."""


def of_lm_eval(results: Sequence[LmEval]) -> list[Column[LmEval]]:
    """A column a score of the task."""
    return [
        Column("model", lambda one: one.model, lambda one: one.model, whole=True),
        *(_scored(name) for name in results[0].summary.scores),
        Column("length", lambda one: tenths(one.summary.completion_tokens), lambda one: one.summary.completion_tokens),
        share("cut %", lambda one: one.summary.truncated),
    ]


def _scored(name: str) -> Column[LmEval]:
    return interval(f"{name.removeprefix('exact_match ')} %", lambda one: one.summary.scores.get(name))
