"""Runs with chosen outcomes, begun by commands that look at growing numbers of seeds, or by other commands."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.run_config import RunConfig
from harness.records.events import decode
from harness.records.results import RunResult, read_results
from tests.support.results import with_verdicts
from tests.support.small import Line, small_config

PROBLEMS = 30
SKILL = {"grpo": 0.5, "far": 0.9, "near": 0.5, "agro": 0.5}
"""The share of problems that an arm solves."""


def looking(algos: Sequence[str], looks: Sequence[int], regimes: Sequence[str] = ("on_policy",)) -> Line:
    """The record of an invocation that looks after these numbers of seeds."""
    plan = {"algos": list(algos), "regimes": list(regimes), "seeds": list(range(looks[-1]))}
    told = {"seeds": list(looks), "level": 0.05, "spending": "O'Brien-Fleming", "baseline": "grpo", "margin": 0.02}
    command = f"harness run --algos {','.join(algos)} --until decided"
    return {"id": f"looks {looks}", "name": "looks", "command": command, "plan": plan, "looks": told}


def played(
    records: Sequence[Line], config: RunConfig, invocation: Line | None = None, skill: Mapping[str, float] = SKILL
) -> list[Line]:
    """The journal ``records`` as a journal of ``config``, with the outcome of its arm and seed."""
    rng = np.random.default_rng([config.seed, *config.objective.name.encode(), *config.regime.encode()])
    chance = np.clip(skill[config.objective.name] + rng.normal(0, 0.02) + 0.05 * np.sin(np.arange(PROBLEMS)), 0, 1)
    letters = rng.random((PROBLEMS, 2)) < chance[:, None]
    verdicts = {f"p{i:02}": "".join("c" if right else "w" for right in row) for i, row in enumerate(letters)}
    made = with_verdicts(list(records), verdicts)
    made[0] |= {"config": config.model_dump(mode="json"), "run_id": config.run_id}
    if invocation:
        made[0]["origin"]["invocation"] = invocation
    return made


def made(
    records: list[Line], arms: Mapping[str, Sequence[int]], invocation: Line | None = None, *, regime: str = "on_policy"
) -> list[RunResult]:
    """Finished runs of these arms and seeds."""
    journals = [
        played(records, renamed(small_config("grpo", regime=regime), arm, seed), invocation)
        for arm, seeds in arms.items()
        for seed in seeds
    ]
    return read_results([[decode(line, "test") for line in lines] for lines in journals])


def write(records: Sequence[Line], directory: Path) -> None:
    """Writes the records as the journal of a run in ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in records))


def without_end(records: Sequence[Line]) -> list[Line]:
    """The records as a killed run leaves them."""
    return list(records[:-1])


def renamed(config: RunConfig, name: str, seed: int, **changes: Any) -> RunConfig:
    """The same config with the name of another arm and another seed."""
    objective = config.objective.model_copy(update={"name": name})
    return config.model_copy(update={"objective": objective, "seed": seed, **changes})
