"""What must be said beside a leaderboard's numbers."""

from collections import defaultdict
from collections.abc import Sequence

from evaluators.statistics.ranking import LEVEL
from harness.records.provenance import DEVICES
from harness.report.numbers.document import ArmRow, Board, RegimeBoard
from harness.report.numbers.rows import MATCHED_WITHIN, RANKED_FROM
from harness.report.pages.cells import percent
from harness.report.pages.columns import BEHAVED, REACHED, SPREAD, TOOK, verdict
from harness.report.pages.grid import legend
from harness.report.pages.looked import looked

AUDIT_GROWTH = 0.02
"""Growth of the share of completions on which grader and audit disagree, from which it is a warning."""
DOUBTED = {
    "no answer": "give no answer, so that its accuracy says little of its mathematics",
    "cut": "are cut at the length limit, and may have been about to answer; raise rollout.max_tokens",
    "missed": "are refused by the grader and accepted by a second rule; read them: harness compare",
}
CORRECTED = {
    "table": {
        "verdicts": "all comparisons of its table with the baseline, those of the controls apart",
        "ranks": "all pairs of its table",
    },
    "document": {"verdicts": "all tests of this document", "ranks": "the same"},
}
"""What the tests of verdicts and ranks are corrected over."""
READ = {
    "fixed": {"interval": "of this comparison alone", "undecided": "unclear"},
    "looks": {
        "interval": "of this comparison alone, over all looks",
        "undecided": "undecided, or unclear in a table without looks",
    },
}
"""How intervals and verdicts are read where seeds were fixed, and where they went on until it was decided."""
UNTOLD = "1"
"""The grader of the tables that were published before they named one."""


def summary(part: RegimeBoard) -> list[str]:
    """What is compared, who is tied, and what these seeds could have shown: a sentence each."""
    said = [
        f"Test accuracy after {part.budget} a run, regime {part.regime}; the baseline is "
        f"{part.baseline or 'none of the objectives here'}."
    ]
    if part.shared_completions:
        said.append(
            f"All were trained on the same {part.shared_completions:,} completions of the reference (one set a "
            "seed); each run is charged for them, though they were sampled once."
        )
    if tied := [group for group in part.ties if len(group) > 1]:
        said.append(f"Not told apart: {'; '.join(', '.join(group) for group in tied)}.")
    gaps = [row.difference.detectable for row in part.rows if row.difference and row.difference.detectable]
    if gaps:
        low, high = (f"{100 * gap:.1f}" for gap in (min(gaps), max(gaps)))
        said.append(
            f"With these seeds a gap to the baseline of {low if low == high else f'{low} to {high}'} points would have "
            "been found with probability 0.8; smaller ones may well be there."
        )
    unclear = [row for row in part.rows if verdict(row) == "unclear"]
    seeds = [(row, row.difference.equivalence_seeds) for row in unclear if row.difference]
    if needed := [f"{row.objective} {number}" for row, number in seeds if number]:
        said.append(
            "If it is equal to the baseline, what is unclear here would be called equivalent with probability 0.8 from "
            f"about so many seeds on: {', '.join(needed)}."
        )
    said += looked(part)
    if pair := part.same_as_agro:
        said.append(
            f"A/A: rloo, whose gradient is agro's, gave the same verdict on every test completion on {pair.same} of "
            f"{pair.seeds} seeds."
        )
    return said


def quick_look(limit: int) -> str:
    """That the numbers are of a limited run."""
    return f"a quick look at {limit} problems (limit {limit}), and no result"


def lead(board: Board) -> str:
    """What was compared, in a sentence."""
    arms = {row.objective for part in board.boards for row in part.rows}
    seeds = sorted({len(row.seeds) for _, row in board.arms if row.seeds})
    runs = (
        f"{seeds[0]}–{seeds[-1]} seeds"
        if len(seeds) > 1
        else "1 seed"
        if seeds == [1]
        else f"{(seeds or [0])[0]} seeds"
    )
    first = board.boards[0]
    return (
        f"{len(arms)} objective{'s' * (len(arms) != 1)}, {runs} each, {first.budget} a run; "
        f"regime{'s' * (len(board.boards) > 1)} {', '.join(part.regime for part in board.boards)}; "
        f"baseline {first.baseline or 'none of these'}."
    )


def flags(board: Board) -> list[str]:
    """What must stand beside the first number of all, as without it the numbers mislead."""
    trained = [row for _, row in board.arms if row.accuracy]
    found = []
    if unrewarded := [row for row in trained if row.unrewarded]:
        whole = all(row.unrewarded for part in board.boards for row in part.rows if row.accuracy)
        who = "No run here" if whole else f"No run of {', '.join(dict.fromkeys(row.objective for row in unrewarded))}"
        found.append(f"{who} was ever rewarded, so nothing was taught: such accuracies say nothing of the objectives.")
    if trained and all(len(row.seeds) == 1 for row in trained):
        found.append("One seed: other seeds would give other accuracies, and nothing here says how far apart.")
    return found


def warnings(board: Board) -> list[str]:
    """What puts the numbers in doubt."""
    found = [quick_look(board.limit)] if board.limit else []
    if len(board.commits) > 1 or any(commit.endswith("-dirty") or commit == "none" for commit in board.commits):
        found.append(
            f"code: {', '.join(board.commits)}; runs of differing, uncommitted or unknown code may not compare"
        )
    for key, values in _differing(board.environments):
        found.append(
            f"devices of a run: {'; '.join(values)}; their sums have other last bits, and their tokens may part in time"
            if key == DEVICES
            else f"{key}: {', '.join(values)}; runs of differing versions may not compare"
        )
    for split, overlap in board.overlap.items():
        if overlap.same or overlap.near:
            found.append(
                f"{overlap.same} of {overlap.held_out} {split} problems stand in train, {overlap.near} share "
                "13 words or signs in a row with a train problem"
            )
    for run_id, run in board.runs.items():
        if run.status == "finished" and run.reason:
            found.append(
                f"{run.objective}, {run.regime}, seed {run.seed} ({run_id}) is in the numbers, but {run.reason}"
            )
    for part, row in board.arms:
        for before, after, what in (
            (row.start_audit_paid, row.audit_paid, "accepts against"),
            (row.start_audit_missed, row.audit_missed, "refuses what is accepted by"),
        ):
            if before is not None and after is not None and after - before > AUDIT_GROWTH:
                found.append(
                    f"{row.objective}, {part.regime}: the share of completions that the grader {what} a second "
                    f"rule grew in training, from {100 * before:.1f} to {100 * after:.1f} %; read them: harness compare"
                )
    found += [_fell(part, row) for part in board.boards for row in part.rows if row.spread and row.spread.collapsed]
    for doubt in board.doubts:
        found.append(
            f"{doubt.objective}, {doubt.regime}: {100 * doubt.share:.1f} % of the completions after training "
            f"{DOUBTED[doubt.kind]}"
        )
    return found


def notes(board: Board) -> list[str]:
    """How to read the tables, and which runs are not in them."""
    return explanations(board) + remarks(board)


def explanations(board: Board) -> list[str]:
    """What the columns mean, and how tests were corrected: the same for every table of the kind."""
    fixed = all(part.looks is None for part in board.boards)
    filled = {"margin": 100 * board.margin} | CORRECTED[board.correction] | READ["fixed" if fixed else "looks"]
    found = [note.format(**filled) for note in legend(REACHED, SPREAD, TOOK, BEHAVED)]
    found += _families(board)
    if board.grader.partition("/")[0] != UNTOLD:
        found.append(f"all completions were judged by grader {board.grader}")
    return found


def remarks(board: Board) -> list[str]:
    """What is particular to these runs: marks, and those that are not in the numbers."""
    rows = [row for _, row in board.arms]
    found = []
    if any(row.status == "preliminary" for row in rows):
        found.append(f"preliminary: fewer than {RANKED_FROM} seeds, so the order of the rows is no ranking")
    if any(row.unmatched for row in rows):
        found.append(
            f"*: differs by more than {100 * MATCHED_WITHIN:g} % from what the baseline spends; without a baseline, "
            "from the mean"
        )
    for run_id, run in board.runs.items():
        if run.status != "finished":
            reason = f" ({run.reason})" if run.reason else ""
            found.append(f"{run_id}: {run.status}{reason}, not in the numbers")
    missing: dict[str, list[str]] = defaultdict(list)
    for lost in board.missing:
        missing[f"{lost.objective}, {lost.regime}"].append(str(lost.seed))
    for arm, seeds in missing.items():
        found.append(f"{arm}, seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}: planned, and never begun")
    return found


def _fell(part: RegimeBoard, row: ArmRow) -> str:
    """That some of its runs collapsed, and what that means for its numbers."""
    assert row.spread
    fallen, runs = row.spread.collapsed, len(row.seeds)
    if len(fallen) == runs:
        begun = sum(run.start for run in fallen) / runs
        return (
            f"{row.objective}, {part.regime}: all {runs} runs collapsed; they ended at {percent(row.spread.lowest)} to "
            f"{percent(row.spread.highest)} %, and began at {percent(begun)} %"
        )
    named = ", ".join(f"seed {run.seed} at {percent(run.accuracy)} %" for run in fallen)
    return (
        f"{row.objective}, {part.regime}: {len(fallen)} of {runs} runs collapsed ({named}; the median run reached "
        f"{percent(row.spread.median)} %); where some runs collapse, few seeds say little of how many do, and "
        "intervals and tests of such an arm hold less often than they say"
    )


def _families(board: Board) -> list[str]:
    """Which tests are corrected together, and what that promises."""
    differences = [family for family in board.families if family.of != "equivalence"]
    if not differences:
        return []
    if board.correction == "document":
        same = sum(family.tests for family in board.families if family.of == "equivalence")
        return [
            f"all {differences[0].tests} tests of a difference in this document, for verdicts and ranks of all tables, "
            f"are one family: where nothing differs, it claims a difference with a probability of at most "
            f"{100 * LEVEL:g} %; the {same} tests of equivalence are another family"
        ]
    number = len(differences)
    said = (
        "in each table the verdicts are one family of tests, the verdicts of the controls another, and the ranks a "
        f"third: where nothing differs, each family claims a difference with a probability of at most {100 * LEVEL:g} %"
    )
    if number > 1:
        said += f", and the {number} families here together with one of at most {100 * min(1.0, number * LEVEL):g} %"
        if all(part.looks is None for part in board.boards):  # of looks, it is refused
            said += "; harness leaderboard --correct document corrects over all of them at once"
    return [f"{said}; claims of equivalence are families of their own"]


def _differing(environments: Sequence[dict[str, str]]) -> list[tuple[str, list[str]]]:
    """Versions that are not the same for all runs; commits are told on their own."""
    keys = sorted({key for environment in environments for key in environment} - {"commit"})
    values = {
        key: sorted({str(environment.get(key, "1" if key == DEVICES else None)) for environment in environments})
        for key in keys
    }
    return [(key, found) for key, found in values.items() if len(found) > 1]
