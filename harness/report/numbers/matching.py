"""The checks that runs may be compared in one table, and the names of their arms."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations, product
from typing import Any

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
        differing = _differing([flat(found[0].config.matched) for _, found in sorted(sets.items())])
        raise HarnessError(
            f"these runs are not matched, so no table can rank them; choose one set with --match: {listed}; the sets "
            f"differ in {differing}"
        )
    refuse_other_graders(results)
    _refuse_other_starts(results)


def refuse_unmatched_pair(names: tuple[str, str], ours: Sequence[RunResult], theirs: Sequence[RunResult]) -> None:
    """The same check for two runs, or for two rows that were named by their keys. No option could select others."""
    configs = [side[0].config for side in (ours, theirs)]
    if configs[0].match_key != configs[1].match_key:
        raise HarnessError(
            f"{' and '.join(names)} are not matched, so their difference says nothing about their objectives; they "
            f"differ in {_differing([flat(config.matched) for config in configs])}"
        )
    refuse_other_graders([*ours, *theirs])
    _refuse_other_starts([*ours, *theirs])


def _refuse_other_starts(results: Sequence[RunResult]) -> None:
    """
    Raises:
        HarnessError: these runs started from different weights, problems, prompts or offline sets. The message says
            what differs.
    """
    distinct = list({repr(result.identity): result.identity for result in results}.values())
    if not all(a.agrees(b) for a, b in combinations(distinct, 2)):
        known = [flat({key: value for key, value in asdict(one).items() if value}) for one in distinct]
        raise HarnessError(
            "these runs started from different weights, problems or prompts; repeat the older ones with --fresh; they "
            f"differ in {_differing(known)}"
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


def told_apart(arms: Mapping[str, RunConfig]) -> dict[str, str]:
    """For each of these arms, by its key, the settings in which they differ: ``optimizer.learning_rate 0.001``."""
    own = {key: flat({k: v for k, v in config.identity().items() if k != "seed"}) for key, config in arms.items()}
    keys = _apart(list(own.values()))
    return {arm: _listed([f"{key} {json.dumps(settings.get(key))}" for key in keys]) for arm, settings in own.items()}


def _differing(settings: Sequence[Mapping[str, Any]]) -> str:
    """The settings in which the configs differ, with their values."""
    return _listed([f"{key} ({', '.join(found)})" for key, found in _apart(settings).items()])


def _listed(settings: Sequence[str]) -> str:
    """The first of these settings, and the number of the others."""
    more = f" and {len(settings) - TOLD} more" if len(settings) > TOLD else ""
    return ", ".join(settings[:TOLD]) + more


def _apart(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The values by key, for all keys whose values are not the same in all settings."""
    values = {
        key: list(dict.fromkeys(json.dumps(found.get(key)) for found in settings))
        for key in sorted(set().union(*settings))
    }
    return {key: found for key, found in values.items() if len(found) > 1}


def arm_names(configs: Sequence[RunConfig]) -> dict[str, str]:
    """Names by arm key: the objective, followed by the key if the objective occurs with several settings."""
    counts = Counter(config.objective.name for config in configs)
    return {
        c.arm_key: c.objective.name if counts[c.objective.name] == 1 else f"{c.objective.name} ({c.arm_key})"
        for c in configs
    }


def names_of_runs(runs: Sequence[RunResult]) -> list[str]:
    """The name of each run's arm, as on the leaderboard of its regime."""
    settings = {(run.config.regime, run.config.arm_key): run.config for run in runs}
    named = {
        regime: arm_names([config for (of, _), config in settings.items() if of == regime]) for regime, _ in settings
    }
    return [named[run.config.regime][run.config.arm_key] for run in runs]


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
