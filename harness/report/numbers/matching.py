"""The checks that runs may be compared in one table, and the names of their arms."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations, product

from harness.config.run_config import RunConfig, flat
from harness.errors import HarnessError
from harness.records.events import OfflineSet
from harness.records.results import RunResult

TOLD = 6
"""The number of differing settings that an error message names."""


def refuse_unmatched(results: Sequence[RunResult]) -> None:
    """Refuse runs that cannot be compared.

    Raises:
        HarnessError: the runs differ in more than the objective with its settings, the seed and the regime, or
            different graders judged them. The message says which runs differ, and in what.
    """
    sets: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        sets[result.config.match_key].append(result)
    if len(sets) > 1:
        listed = "; ".join(f"{key} ({_members(found)})" for key, found in sorted(sets.items()))
        differing = _differing([found[0].config for _, found in sorted(sets.items())])
        raise HarnessError(
            f"these runs are not matched, so no table can rank them; choose one set with --match: {listed}; the sets "
            f"differ in {differing}"
        )
    refuse_other_graders(results)
    distinct = list({repr(result.identity): result.identity for result in results}.values())
    if not all(a.agrees(b) for a, b in combinations(distinct, 2)):
        raise HarnessError(
            "these runs started from different weights, problems or prompts; repeat the older ones with --fresh"
        )
    data: dict[int, set[OfflineSet]] = defaultdict(set)
    for result in results:
        if result.data:
            data[result.config.seed].add(result.data)
    if torn := sorted(seed for seed, found in data.items() if len(found) > 1):
        raise HarnessError(f"runs of seed {torn[0]} were trained on different offline sets; repeat them with --fresh")


def refuse_other_graders(results: Sequence[RunResult]) -> None:
    """Refuse runs that different graders judged.

    Raises:
        HarnessError: there are several graders. The message names them.
    """
    graders: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        graders[result.grader].append(result)
    if len(graders) > 1:
        listed = "; ".join(f"{name} ({_counted(found)})" for name, found in sorted(graders.items()))
        raise HarnessError(
            "these runs were judged by different graders, so no table can rank them; "
            f"choose one with --grader, or repeat the older runs with --fresh: {listed}"
        )


def _members(results: Sequence[RunResult]) -> str:
    return f"{results[0].config.budget}: {_counted(results)}"


def _counted(results: Sequence[RunResult]) -> str:
    counts = Counter(f"{result.config.objective.name} {result.config.regime}" for result in results)
    return ", ".join(f"{n} x {name}" for name, n in sorted(counts.items()))


def _differing(configs: Sequence[RunConfig]) -> str:
    """The settings in which the configs differ, with their values."""
    settings = [flat(config.matched) for config in configs]
    values = {
        key: list(dict.fromkeys(json.dumps(found.get(key)) for found in settings))
        for key in sorted(set().union(*settings))
    }
    told = [f"{key} ({', '.join(found)})" for key, found in values.items() if len(found) > 1]
    more = f" and {len(told) - TOLD} more" if len(told) > TOLD else ""
    return ", ".join(told[:TOLD]) + more


def arm_names(configs: Sequence[RunConfig]) -> dict[str, str]:
    """Names by arm key: the objective, followed by the key if the objective occurs with several settings."""
    counts = Counter(config.objective.name for config in configs)
    return {
        c.arm_key: c.objective.name if counts[c.objective.name] == 1 else f"{c.objective.name} ({c.arm_key})"
        for c in configs
    }


def twins(arms: Sequence[list[RunResult]]) -> tuple[list[RunResult], list[RunResult]] | None:
    """The A/A pair: the runs of ``agro`` and of ``rloo`` with the same settings."""
    for agro, rloo in product(arms, arms):
        ours, theirs = agro[0].config, rloo[0].config
        if (ours.objective.objective, theirs.objective.objective) != ("agro", "rloo"):
            continue
        same_fields = ours.objective.fields == theirs.objective.fields | {"form": "off_policy"}
        around = [
            (c.optimizer, c.objective.constraint, c.objective.robust, c.objective.control) for c in (ours, theirs)
        ]
        if same_fields and around[0] == around[1]:
            return agro, rloo
    return None
