"""Runs of several arms with chosen outcomes, for tables and pages."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.records.results import COSTS, Point, RunResult
from harness.report.pages.writing import FILES
from tests.support.results import records_of, result, with_verdicts

BASIC_FILES = frozenset(FILES) - {"regimes.png", "ceilings.png"}
"""The files of a leaderboard with one regime and few seeds."""


def many(small_runs: dict[str, Path], **tenth: Any) -> list[RunResult]:
    """Five seeds of three arms with different accuracies, in two regimes. One run failed.

    ``tenth``: settings of the third arm.
    """
    agro = records_of(small_runs, "agro")
    found = []
    for regime in ("on_policy", "offline"):
        for place, name in enumerate(("agro", "grpo", "tenth")):
            for seed in range(5):
                changed = {problem: "cc" if i < 2 + place else "ww" for i, problem in enumerate("abcde")}
                letters = "c" * seed + "w" * (4 - seed)
                changed |= {"f": letters[:2], "g": letters[2:]}
                config = {"objective__name": name, "seed": seed, "regime": regime} | (tenth if name == "tenth" else {})
                found.append(result(with_verdicts(agro, changed), **config))
    failed = json.loads(json.dumps(agro))
    failed[-1] |= {"status": "failed", "reason": "the loss is not finite <b>"}
    return [*found, result(failed, objective__name="agro", seed=9)]


SHARES = (0, 0.1, 0.25, 0.5, 0.75, 1)


def trained(run: RunResult, ceiling: float, midpoint: float, seed: int) -> RunResult:
    """The run with a learning curve of this shape, from 40 %. A FLOP costs a thousandth of a completion."""
    noise = np.random.default_rng(seed).normal(0, 0.005, len(SHARES))
    points = []
    for share, chance in zip(SHARES, noise.tolist(), strict=True):
        gain = (ceiling - 0.4) / (1 + (midpoint / share) ** 2) if share else 0.0
        spent = dict.fromkeys(COSTS, 100 * share) | {"flops": 1e5 * share}
        points.append(Point(spent=spent, accuracy=0.4 + gain + chance, kl=share))
    return replace(run, curve=points)


def with_frozen(small_runs: dict[str, Path]) -> list[RunResult]:
    """The same runs, with a control that never trains, and with another learning rate for ``tenth``."""
    frozen = with_verdicts(records_of(small_runs, "frozen"), dict.fromkeys("abcdefg", "cw"))
    found = many(small_runs, optimizer__learning_rate=0.5)
    return found + [
        result(frozen, seed=seed, regime=regime) for regime in ("on_policy", "offline") for seed in range(5)
    ]
