"""The claims of an archive of runs, and the runs on new seeds that test them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from evaluators.statistics.families import Correction
from evaluators.statistics.replication import Verdict
from harness.config.run_config import RunConfig, RunSettings, SuiteConfig
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.out_dir import SUITE
from harness.records.results import RunResult
from harness.report.numbers.document import ArmRow, Board, RegimeBoard
from harness.report.pages.columns import verdict

LEADERBOARD = "leaderboard.json"
"""The file beside a published archive that names the baseline, the margin and the correction of its tests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A published verdict with the runs behind it."""

    regime: str
    objective: str
    verdict: Verdict
    row: ArmRow
    runs: list[RunResult]
    baseline: list[RunResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclaimed:
    """An arm without a claim, and what its table says instead."""

    regime: str
    objective: str
    said: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The baseline, margin and correction behind published verdicts."""

    baseline: str
    margin: float
    correction: Correction = "table"


def terms_of(archive: Path, name: str, results: Sequence[RunResult]) -> Terms:
    """The terms of an archive: from the looks of its runs, else from the leaderboard beside it, else from the suite.

    Raises:
        HarnessError: there is no run, or nothing names baseline and margin.
    """
    if not results:
        raise HarnessError(f"{archive} holds no runs; give an archive with --from that holds some")
    if looks := next((run.origin.invocation.looks for run in results if run.origin.invocation.looks), None):
        return Terms(baseline=looks.baseline, margin=looks.margin)
    published = archive.parent / LEADERBOARD
    if published.is_file():
        return _published(published)
    kept = archive.parent / SUITE
    suite = load_suite(str(kept) if kept.is_file() else name)
    return Terms(baseline=suite.baseline, margin=suite.margin)


def _published(leaderboard: Path) -> Terms:
    try:
        content = json.loads(leaderboard.read_text(encoding="utf-8"))
        correction = content.get("correction", "table")  # older leaderboards had no other
        if correction not in get_args(Correction):
            raise ValueError(correction)
        if not 0 < (margin := float(content["margin"])) < 1:
            raise ValueError(margin)
        return Terms(baseline=str(content["baseline"]), margin=margin, correction=correction)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"{leaderboard} does not name its baseline and margin; publish the archive again") from error


def suite_of(results: Sequence[RunResult], terms: Terms) -> SuiteConfig:
    """The suite that the runs recorded, with the baseline and margin of ``terms``."""
    config = results[0].config
    shared = {key: getattr(config, key) for key in RunSettings.model_fields}
    return SuiteConfig(**shared, name=config.suite, description="", baseline=terms.baseline, margin=terms.margin)


def claims_of(
    board: Board, results: Sequence[RunResult], algos: Collection[str] | None, regimes: Collection[str] | None
) -> tuple[list[Claim], list[Unclaimed]]:
    """The verdicts of these arms and regimes, and the arms without one. None means all arms or regimes.

    Raises:
        HarnessError: an arm or a regime does not exist, or there is no claim.
    """
    parts = [part for part in board.boards if regimes is None or part.regime in regimes]
    _refuse_absent("--regime", regimes, {part.regime for part in board.boards})
    _refuse_absent("--algos", algos, {row.objective for part in parts for row in part.arms})
    by_id = {run.run_id: run for run in results}
    claims: list[Claim] = []
    others: list[Unclaimed] = []
    for part in parts:
        for row in part.arms:
            if row.objective == part.baseline or (algos is not None and row.objective not in algos):
                continue
            said = verdict(row)
            if said in ("better", "worse", "equivalent"):
                claims.append(_claim(part, row, said, by_id))  # type: ignore[arg-type]
            else:
                others.append(Unclaimed(regime=part.regime, objective=row.objective, said=said))
    if not claims:
        told = ", ".join(f"{one.objective} in {one.regime}: {one.said}" for one in others)
        raise HarnessError(f"there is no claim that could be replicated ({told or 'no comparison'})")
    return claims, others


def _refuse_absent(option: str, wanted: Collection[str] | None, there: Collection[str]) -> None:
    if absent := sorted(set(wanted or ()) - set(there)):
        raise HarnessError(f"{option} {', '.join(absent)}: not in the archive; choose from {', '.join(sorted(there))}")


def _claim(part: RegimeBoard, row: ArmRow, said: Verdict, by_id: dict[str, RunResult]) -> Claim:
    base = next(one for one in part.arms if one.objective == part.baseline)
    return Claim(
        regime=part.regime,
        objective=row.objective,
        verdict=said,
        row=row,
        runs=[by_id[key] for key in row.run_ids],
        baseline=[by_id[key] for key in base.run_ids],
    )


def new_seeds(asked: Sequence[int], counted: bool, results: Sequence[RunResult]) -> list[int]:
    """Seeds that no run of the archive has.

    Args:
        asked: the requested seeds. If they are ``counted`` instead of named, only their number matters.

    Raises:
        HarnessError: a named seed is in the archive, or there are too few seeds for a test.
    """
    taken = {run.config.seed for run in results}
    if len(asked) < 2:
        raise HarnessError("--seeds: a replication needs at least two new seeds, because one shows no variation")
    if counted:
        first = max(taken) + 1
        return list(range(first, first + len(asked)))
    if known := sorted(taken & set(asked)):
        raise HarnessError(f"--seeds {known[0]}: the archive has that seed, but a replication needs new ones")
    return list(asked)


def on_seed(run: RunResult, seed: int) -> RunConfig:
    """The same run with its recorded settings, but with another seed."""
    return run.config.model_copy(update={"seed": seed})
