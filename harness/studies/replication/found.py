"""The content of ``replicate.json``: the outcomes of an archive's verdicts on new seeds."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from evaluators.statistics.ranking import Scores, difference
from evaluators.statistics.replication import Outcome, Published, Verdict, outcome, should_replicate
from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.report.numbers.interval import Interval
from harness.report.numbers.rows import scores
from harness.studies.replication.claims import Claim, Unclaimed


@dataclass(frozen=True, kw_only=True, slots=True)
class Replicated:
    """One verdict, as published and on the new seeds."""

    regime: str
    objective: str
    verdict: Verdict
    published: Interval
    published_seeds: int
    new: Interval | None
    """None if no pair of new runs finished."""
    new_seeds: int
    outcome: Outcome
    why: str
    """What contradicts the verdict, if anything does."""
    expected: float | None
    """Probability that this number of new seeds replicates the verdict. None if there are fewer than two new seeds, or
    if the published runs do not show how much seeds vary."""
    run_ids: tuple[str, ...]
    """The new runs, including those of the baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replication:
    """The whole document."""

    suite: str
    archive: str
    command: str
    baseline: str
    margin: float
    seeds: tuple[int, ...]
    verdicts: tuple[Replicated, ...]
    unclaimed: tuple[Unclaimed, ...]
    remarks: tuple[str, ...]

    def count(self, of: Outcome) -> int:
        return sum(one.outcome == of for one in self.verdicts)

    @property
    def expected(self) -> float:
        """The expected number of replicated verdicts."""
        return sum(one.expected or 0.0 for one in self.verdicts)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def judged(claim: Claim, new: Sequence[RunResult], base: Sequence[RunResult], margin: float) -> Replicated:
    """A claim, judged by new runs of its arm and of the baseline."""
    published = Published.of(_scores(claim.runs), _scores(claim.baseline))
    ours, theirs = scores("new", new), scores("baseline", base)
    found = difference(ours, theirs) if ours and theirs else None
    common = {run.config.seed for run in new if run.test} & {run.config.seed for run in base if run.test}
    came: tuple[Outcome, str] = ("undecided", "")
    if published and found:
        came = outcome(claim.verdict, published, found, len(common), margin)
    expected = None
    if published and len(common) > 1:
        expected = should_replicate(claim.verdict, published, len(common), margin)
    assert claim.row.difference  # without one there is no verdict
    return Replicated(
        regime=claim.regime,
        objective=claim.objective,
        verdict=claim.verdict,
        published=Interval(
            mean=claim.row.difference.mean, low=claim.row.difference.low, high=claim.row.difference.high
        ),
        published_seeds=published.seeds if published else len(claim.row.seeds),
        new=Interval.of(found) if found else None,
        new_seeds=len(common),
        outcome=came[0],
        why=came[1],
        expected=expected,
        run_ids=tuple(run.run_id for run in (*new, *base)),
    )


def _scores(runs: Sequence[RunResult]) -> Scores:
    found = scores("published", runs)
    if found is None:
        raise HarnessError("a published verdict has no finished run behind it; publish the archive again")
    return found


def remarks(published: Sequence[RunResult], new: Sequence[RunResult]) -> list[str]:
    """Differences between the new runs and the published ones, other than the seeds."""
    found = []
    if not all(run.identity.agrees(published[0].identity) for run in new):
        found.append("start weights, problems or prompts differ from the archive's, so this is not a replication")
    then, now = (_versions(runs) for runs in (published, new))
    for key in sorted(then.keys() | now.keys()):
        before, after = (sorted(values.get(key, {"none"})) for values in (then, now))
        if before != after:
            found.append(f"{key}: {', '.join(before)} in the archive, {', '.join(after)} here")
    if any(commit in ("none", "") or commit.endswith("-dirty") for commit in now.get("commit", ())):
        found.append("the code here is uncommitted or unknown")
    for run in new:
        if run.status != "finished" or run.reason:
            found.append(f"{run.run_id}: {run.status}{f' ({run.reason})' if run.reason else ''}")
    return found


def _versions(runs: Sequence[RunResult]) -> dict[str, set[str]]:
    """The versions of all code and libraries that made these runs."""
    found: dict[str, set[str]] = {}
    for run in runs:
        for versions in (run.origin.versions, *run.later):
            for key, value in versions.items():
                found.setdefault(key, set()).add(value)
    return found
