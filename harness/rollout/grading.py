"""Rewards from verdicts: 1 for a correct answer, 0 for anything else. Training and evaluation have the same grader."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from evaluators.grading.cut import without_cut_word
from evaluators.grading.extraction import Marker
from evaluators.grading.grader import Grade, Grader
from evaluators.statistics.accuracy import SampleRecord
from evaluators.types import Problem, Verdict
from harness.rollout.groups import Completion, Group
from harness.world import ALONE, World

Grading = Literal["strict", "lenient"]


def grade_groups(
    grader: Grader, groups: Sequence[Group], grading: Grading, marker: Marker | None, world: World = ALONE
) -> list[Group]:
    """The groups with grades and rewards. Each rank grades its share. ``marker``: the marker for strict grading."""
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
    """The reward for a verdict. Accuracies do not use it, so shaping rewards would not change leaderboards."""
    return 1.0 if found is Verdict.CORRECT else 0.0


def toss_rewards(groups: Sequence[Group], seed: int) -> list[Group]:
    """The groups with random rewards of 0 or 1 instead of the grader's. Grades are unchanged."""
    generator = np.random.default_rng(seed)
    return [replace(g, rewards=tuple(map(float, generator.integers(0, 2, len(g.completions))))) for g in groups]


def graded_text(problem: Problem, completion: Completion) -> str:
    """The whole turn of the assistant. If it was cut, the last word is removed."""
    return problem.framing.prefill + without_cut_word(completion.text, truncated=completion.truncated)


def verdict(grade: Grade | SampleRecord, grading: Grading) -> Verdict:
    """The verdict that counts in this suite: the strict or the lenient one."""
    return grade.strict if grading == "strict" else grade.lenient


def share_of(groups: Sequence[Group], grading: Grading, kind: Verdict) -> float:
    """The share of completions with verdict ``kind``."""
    verdicts = [verdict(grade, grading) for group in groups for grade in group.grades]
    return verdicts.count(kind) / len(verdicts)
