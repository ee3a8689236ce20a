"""``harness replicate``: runs on new seeds, as an invocation of their own, and their report."""

from collections.abc import Sequence
from pathlib import Path

from harness.config.arguments import command_line, parse_seeds
from harness.config.run_config import RunConfig
from harness.config.suites import is_path, load_suite
from harness.launch.carry_out import carry_out
from harness.launch.execution import Execution, Runs
from harness.launch.plan import Plan, invocation_of
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import RunResult, read_results
from harness.report.archive import ArchiveSource
from harness.report.numbers.board import build
from harness.report.numbers.selection import Selection
from harness.studies.replication.claims import Claim, claims_of, new_seeds, on_seed, suite_of, terms_of
from harness.studies.replication.found import Replicated, Replication, judged, remarks
from harness.studies.replication.tables import in_terminal, write
from harness.terminal import Terminal


def replicate(
    suite: str,
    archive: Path,
    seeds: str,
    algos: Sequence[str] | None,
    regimes: Sequence[str] | None,
    selection: Selection,
    how: Execution,
    console: Terminal,
) -> bool:
    """Train the arms behind an archive's claims on new seeds, and judge each claim by them. False if interrupted.

    Args:
        suite: the name of the archive's suite, or the path of its YAML file.
        selection: which runs of the archive make up its leaderboard, if it has several.

    Raises:
        HarnessError: the file is not an archive, it has none of the requested claims, or it already has these seeds.
    """
    named = load_suite(suite).name if is_path(suite) else suite  # a suite of one's own has no other name
    results = selection.of(ArchiveSource(archive, named).results())
    terms = terms_of(archive, suite, results)
    config = suite_of(results, terms)
    claims, unclaimed = claims_of(build(config, results, correction=terms.correction), results, algos, regimes)
    chosen = new_seeds(parse_seeds(seeds) or [], "," not in seeds, results)
    runs = {run.run_id: run for seed in chosen for claim in claims for run in _pair(claim, seed)}
    options = {
        "--suite": suite,
        "--from": str(archive),
        "--seeds": ",".join(map(str, chosen)),
        "--algos": ",".join(algos) if algos else None,
        "--match": selection.match,
        "--grader": selection.grader,
    }
    command = command_line("replicate", options, (), regimes or ())
    name = f"replication of {len(claims)} verdict{'s' * (len(claims) > 1)} x {len(chosen)} seeds"
    invocation = invocation_of(list(runs.values()), name, command)
    planned = Plan(suite=config, runs=list(runs.values()), invocation=invocation, choices=[])
    out_dir = OutDir(how.out)

    def report(_: Runs) -> list[str]:
        made = {run.run_id: run for run in read_results(Journal(out_dir.run_of(run)).read() for run in runs.values())}
        found = Replication(
            suite=config.name,
            archive=str(archive),
            command=command,
            baseline=config.baseline,
            margin=config.margin,
            seeds=tuple(chosen),
            verdicts=_judged(claims, made, chosen, config.margin),
            unclaimed=tuple(unclaimed),
            remarks=tuple(remarks([run for claim in claims for run in claim.runs], list(made.values()))),
        )
        written = write(found, out_dir.suite(config.name))
        console.show(in_terminal(found, explain=console.explain), found.as_json)
        console.say(f"wrote {' and '.join(written)} to {out_dir.suite(config.name)}")
        return written

    return carry_out(planned, how, report, console, needs=planned.runs)


def _pair(claim: Claim, seed: int) -> tuple[RunConfig, RunConfig]:
    return on_seed(claim.runs[0], seed), on_seed(claim.baseline[0], seed)


def _judged(
    claims: Sequence[Claim], made: dict[str, RunResult], seeds: Sequence[int], margin: float
) -> tuple[Replicated, ...]:
    return tuple(
        judged(claim, _made(made, claim.runs, seeds), _made(made, claim.baseline, seeds), margin) for claim in claims
    )


def _made(made: dict[str, RunResult], like: Sequence[RunResult], seeds: Sequence[int]) -> list[RunResult]:
    """The new runs of an arm that have started."""
    ids = [on_seed(like[0], seed).run_id for seed in seeds]
    return [made[key] for key in ids if key in made]
