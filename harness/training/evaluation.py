"""Evaluation: the accuracy of the policy on problems, with the engine and the grader of training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from algorithms.ops import k1, k3
from evaluators.formats import Asking
from evaluators.grading.audit import disagreements
from evaluators.grading.grader import Grader
from evaluators.statistics.accuracy import SampleRecord
from evaluators.types import Problem, Verdict
from harness.config.run_config import RunConfig
from harness.models.parallel import passes_over, reshards
from harness.models.policy import Policy
from harness.models.sequences import IDLE
from harness.records.events import Summary
from harness.rollout.engines.engine import RolloutEngine, sample_groups, sampling_of
from harness.rollout.grading import Grading, grade_groups, graded_text, share_of, verdict
from harness.rollout.groups import Group
from harness.training.micro_batches import deal, idle, micro_batches, pack
from harness.world import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """The content of an evaluation for the journal, and all completions for the table by problem."""

    kl: float | None
    """KL from the reference in nats per sequence, estimated with k1. None with top-p or top-k: then the completions are
    not samples of the policy."""
    kl_k3: float | None
    """The same, estimated with k3."""
    summary: Summary
    records: list[SampleRecord]


def evaluate(
    config: RunConfig,
    asking: Asking,
    engine: RolloutEngine,
    policy: Policy,
    reference: Policy,
    grader: Grader,
    problems: Sequence[Problem],
    *,
    samples: int,
    seed: int,
    world: World = ALONE,
) -> Evaluated:
    """Evaluate ``samples`` completions per problem, with the training temperature and the evaluation's top-p and top-k.

    The seed is the same at all evaluations of a run and for all objectives, so that differences do not come from it.
    """
    held_out = config.evaluation
    sampling = replace(sampling_of(config, asking), top_p=held_out.top_p, top_k=held_out.top_k)
    groups = sample_groups(engine, policy, problems, samples, sampling, seed, world)
    groups = grade_groups(grader, groups, config.task.grading, asking.form.marker, world)
    whole = sampling.top_p == 1 and not sampling.top_k
    tokens = config.compute.micro_batch_tokens
    kl, kl_k3 = kl_to_reference(policy, reference, groups, tokens, world) if whole else (None, None)
    summary = summary_of(groups, config.task.grading)
    return Evaluated(kl=kl, kl_k3=kl_k3, summary=summary, records=records_of(groups))


def summary_of(groups: Sequence[Group], grading: Grading) -> Summary:
    """Shares over all completions, and the verdicts by problem, with one letter per completion."""
    completions = [c for group in groups for c in group.completions]
    audited = disagreements(
        (group.problem.answer, graded_text(group.problem, completion), verdict(grade, grading) is Verdict.CORRECT)
        for group in groups
        if not group.problem.rubric  # the rule only knows one of several right answers
        for completion, grade in zip(group.completions, group.grades, strict=True)
    )
    return Summary(
        accuracy=share_of(groups, grading, Verdict.CORRECT),
        completion_tokens=sum(len(c.ids) for c in completions) / len(completions),
        truncated=sum(c.truncated for c in completions) / len(completions),
        unparsed=share_of(groups, grading, Verdict.UNPARSED),
        grader_timeouts=share_of(groups, grading, Verdict.TIMEOUT),
        grader_errors=share_of(groups, grading, Verdict.ERROR),
        audit_paid=audited.paid_share,
        audit_missed=audited.missed_share,
        verdicts={g.problem.id: "".join(verdict(grade, grading)[0] for grade in g.grades) for g in groups},
    )


@torch.no_grad()
def kl_to_reference(
    policy: Policy, reference: Policy, groups: Sequence[Group], micro_batch_tokens: int, world: World = ALONE
) -> tuple[float, float]:
    """Estimates of KL(pi || ref) from the policy's own completions, k1 and k3, in nats per sequence."""
    totals = torch.zeros(2)
    dealt = [[groups[i] for i in indices] for indices in deal(groups, world.size)]
    models = policy.model, reference.model
    with passes_over(*models):
        for part in micro_batches(dealt[world.rank], micro_batch_tokens, policy.layout):
            mask = part.sequences.mask.to(policy.device)
            logp, ref_logp = policy.logp(part.sequences), reference.logp(part.sequences)
            totals[0] += k1(logp, ref_logp, mask).sum().cpu()
            totals[1] += k3(logp, ref_logp, mask).sum().cpu()
        counts = [len(pack(share, micro_batch_tokens, policy.layout)) for share in dealt]
        for _ in range(idle(counts, world.rank) if any(map(reshards, models)) else 0):
            policy.logp(IDLE), reference.logp(IDLE)
    totals = torch.tensor(world.gather([totals.tolist()])).sum(0)
    kl_k1, kl_k3 = (totals / sum(len(group.completions) for group in groups)).tolist()
    return kl_k1, kl_k3


def records_of(groups: Sequence[Group]) -> list[SampleRecord]:
    """All completions, for the table by problem."""
    return [
        SampleRecord(
            problem=group.problem.id,
            question=group.problem.asked,
            answer=group.problem.answer,
            sample=index,
            strict=grade.strict,
            lenient=grade.lenient,
            extracted=grade.extracted,
            text=completion.text,
            tokens=len(completion.ids),
            truncated=completion.truncated,
        )
        for group in groups
        for index, (completion, grade) in enumerate(zip(group.completions, group.grades, strict=True))
    ]
