"""Verdicts become rewards: 1 for a correct answer, 0 for anything else. The grader of evaluation is the grader here."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from evaluators.grading.extraction import Marker
from evaluators.grading.grader import Grade, Grader
from evaluators.types import Problem, Verdict
from harness.rollout.groups import Completion, Group
from harness.world import ALONE, World

Grading = Literal["strict", "lenient"]


def grade_groups(
    grader: Grader, groups: Sequence[Group], grading: Grading, marker: Marker | None, world: World = ALONE
) -> list[Group]:
    """The groups with grades and rewards. ``marker``: what the strict reading looks for. Each rank grades its share."""
    items = [
        (group.problem.rubric or group.problem.answer, graded_text(group.problem, completion))
        for group in groups
        for completion in group.completions
    ]
    grades = iter(world.gather(grader.grade(world.scatter(items), marker=marker)))
    graded = []
    for group in groups:
        own = tuple(next(grades) for _ in group.completions)
        rewards = tuple(reward_of(verdict(grade, grading)) for grade in own)
        graded.append(replace(group, grades=own, rewards=rewards))
    return graded


def reward_of(found: Verdict) -> float:
    """Accuracy never is read off this, so that a reward may be shaped without moving a leaderboard."""
    return 1.0 if found is Verdict.CORRECT else 0.0


def toss_rewards(groups: Sequence[Group], seed: int) -> list[Group]:
    """The groups with a fair coin's rewards instead of the grader's; grades stay."""
    generator = np.random.default_rng(seed)
    return [replace(g, rewards=tuple(map(float, generator.integers(0, 2, len(g.completions))))) for g in groups]


def graded_text(problem: Problem, completion: Completion) -> str:
    """All of the assistant's turn, without the word at which the length limit cut: ``#### 1`` may have been about to
    become ``#### 18``."""
    text = completion.text
    return problem.framing.prefill + (re.sub(r"\S+\Z", "", text) if completion.truncated else text)


def verdict(grade: Grade, grading: Grading) -> Verdict:
    """The one of the two verdicts that counts in this suite."""
    return grade.strict if grading == "strict" else grade.lenient


def share_of(groups: Sequence[Group], grading: Grading, kind: Verdict) -> float:
    """Share of completions with verdict ``kind``."""
    verdicts = [verdict(grade, grading) for group in groups for grade in group.grades]
    return verdicts.count(kind) / len(verdicts)
