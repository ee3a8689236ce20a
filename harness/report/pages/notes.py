"""The sentences beside a leaderboard's numbers: summary, warnings and notes."""

from collections import defaultdict
from collections.abc import Sequence

from evaluators.statistics.ranking import LEVEL
from harness.records.provenance import DEVICES
from harness.report.numbers.document import Board, RegimeBoard, Spread
from harness.report.numbers.rows import MATCHED_WITHIN, RANKED_FROM
from harness.report.pages.cells import percent
from harness.report.pages.columns import BEHAVED, REACHED, SPREAD, TOOK, verdict
from harness.report.pages.fitted import FITTED
from harness.report.pages.grid import legend
from harness.report.pages.looked import looked

AUDIT_GROWTH = 0.02
"""Grader and audit disagree on some share of the completions. Growth of that share by more than this is a warning."""
DOUBTED = {
    "no answer": "give no answer, so the accuracy says little about the mathematics",
    "cut": "are cut at the length limit, possibly before their answer; raise rollout.max_tokens",
    "missed": "are rejected by the grader and accepted by a second rule; read them with harness compare",
}
CORRECTED = {
    "table": {
        "verdicts": "all comparisons with the baseline in this table (controls are corrected among themselves)",
        "ranks": "all pairs in this table",
    },
    "document": {"verdicts": "all tests in this document", "ranks": "the same tests"},
}
"""The set of tests that verdicts and ranks are corrected over."""
READ = {
    "fixed": {"interval": "not corrected for the other comparisons", "undecided": "unclear"},
    "looks": {
        "interval": "valid over all looks, but not corrected for the other comparisons",
        "undecided": "undecided (unclear, in a table without looks)",
    },
}
"""How to read intervals and verdicts with a fixed number of seeds, and with seeds that were added until a decision."""
UNTOLD = "1"
"""The grader version of tables that were published before tables named their grader."""


def summary(part: RegimeBoard) -> list[str]:
    """Sentences on what is compared, which arms are tied, and which differences these seeds could have shown."""
    baseline = f"The baseline is {part.baseline}." if part.baseline else "None of these objectives is the baseline."
    said = [f"Test accuracy after {part.budget} per run, in the regime {part.regime}. {baseline}"]
    if part.shared_completions:
        said.append(
            f"All runs of a seed were trained on the same {part.shared_completions:,} completions of the reference. "
            "These were sampled once, but every run is charged for them."
        )
    if tied := [group for group in part.ties if len(group) > 1]:
        said.append(f"Not significantly different: {'; '.join(', '.join(group) for group in tied)}.")
    gaps = [row.difference.detectable for row in part.rows if row.difference and row.difference.detectable]
    if gaps:
        low, high = (f"{100 * gap:.1f}" for gap in (min(gaps), max(gaps)))
        said.append(
            "These seeds would have detected a difference to the baseline of "
            f"{low if low == high else f'{low} to {high}'} points with probability 0.8. Smaller differences may exist."
        )
    unclear = [row for row in part.rows if verdict(row) == "unclear"]
    seeds = [(row, row.difference.equivalence_seeds) for row in unclear if row.difference]
    if needed := [f"{row.objective} {number}" for row, number in seeds if number]:
        said.append(
            "If an unclear objective equals the baseline, this many seeds would show it with probability 0.8: about "
            f"{', '.join(needed)}."
        )
    said += looked(part)
    if pair := part.same_as_agro:
        said.append(
            "A/A test: agro and rloo have the same gradient, and every test completion got the same verdict on "
            f"{pair.same} of {pair.seeds} seeds."
        )
    return said


def quick_look(limit: int) -> str:
    """A warning that the numbers come from a limited run."""
    return f"this is only a quick look at {limit} problems (limit {limit}), so do not cite these numbers"


def lead(board: Board) -> str:
    """One sentence on what was compared."""
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
        f"{len(arms)} objective{'s' * (len(arms) != 1)}, {runs} each, {first.budget} per run; "
        f"regime{'s' * (len(board.boards) > 1)}: {', '.join(part.regime for part in board.boards)}; "
        f"baseline: {first.baseline or 'none of these'}."
    )


def flags(board: Board) -> list[str]:
    """Remarks that belong beside the first number, because the numbers mislead without them."""
    trained = [row for _, row in board.arms if row.accuracy]
    found = []
    if unrewarded := [row for row in trained if row.unrewarded]:
        whole = all(row.unrewarded for part in board.boards for row in part.rows if row.accuracy)
        who = "No run here" if whole else f"No run of {', '.join(dict.fromkeys(row.objective for row in unrewarded))}"
        found.append(f"{who} was ever rewarded. Nothing was learned, so these accuracies say nothing about objectives.")
    if trained and all(len(row.seeds) == 1 for row in trained):
        found.append("There is only one seed. Other seeds would give other accuracies, by an unknown amount.")
    return found


def warnings(board: Board) -> list[str]:
    """Reasons to doubt the numbers."""
    found = [quick_look(board.limit)] if board.limit else []
    if len(board.commits) > 1 or any(commit.endswith("-dirty") or commit == "none" for commit in board.commits):
        found.append(
            f"code: {', '.join(board.commits)}; runs of different, uncommitted or unknown code may not be comparable"
        )
    for key, values in _differing(board.environments):
        found.append(
            f"devices per run: {'; '.join(values)}; sums over several devices round differently, so sampled tokens may "
            "differ after some steps"
            if key == DEVICES
            else f"{key}: {', '.join(values)}; runs of different versions may not be comparable"
        )
    for split, overlap in board.overlap.items():
        if overlap.same or overlap.near:
            found.append(
                f"{overlap.same} of {overlap.held_out} {split} problems are also in train, and {overlap.near} share "
                "13 consecutive words or signs with a train problem"
            )
    for run_id, run in board.runs.items():
        if run.status == "finished" and run.reason:
            found.append(
                f"{run.objective}, {run.regime}, seed {run.seed} ({run_id}) counts in the numbers, but {run.reason}"
            )
    for part, row in board.arms:
        for before, after, what in (
            (row.start_audit_paid, row.audit_paid, "accepted by the grader and rejected by a second rule"),
            (row.start_audit_missed, row.audit_missed, "rejected by the grader and accepted by a second rule"),
        ):
            if before is not None and after is not None and after - before > AUDIT_GROWTH:
                found.append(
                    f"{row.objective}, {part.regime}: the share of completions that are {what} grew during training, "
                    f"from {100 * before:.1f} to {100 * after:.1f} %; read them with harness compare"
                )
    found += [
        collapse_note(f"{row.objective}, {part.regime}", row.spread, len(row.seeds))
        for part in board.boards
        for row in part.rows
        if row.spread and row.spread.collapsed
    ]
    for doubt in board.doubts:
        found.append(
            f"{doubt.objective}, {doubt.regime}: {100 * doubt.share:.1f} % of the completions after training "
            f"{DOUBTED[doubt.kind]}"
        )
    return found


def notes(board: Board) -> list[str]:
    """Notes on how to read the tables, and on runs that are not in them."""
    return explanations(board) + remarks(board)


def explanations(board: Board) -> list[str]:
    """The meaning of the columns, and how tests were corrected. These notes are the same for every such table."""
    fixed = all(part.looks is None for part in board.boards)
    filled = {"margin": 100 * board.margin} | CORRECTED[board.correction] | READ["fixed" if fixed else "looks"]
    fits = [FITTED] if any(row.fit for _, row in board.arms) else []
    found = [note.format(**filled) for note in legend(REACHED, SPREAD, TOOK, BEHAVED, *fits)]
    found += _families(board)
    if board.grader.partition("/")[0] != UNTOLD:
        found.append(f"grader {board.grader} judged all completions")
    return found


def remarks(board: Board) -> list[str]:
    """Notes on these runs: what the marks mean, and which runs do not count in the numbers."""
    rows = [row for _, row in board.arms]
    found = []
    if any(row.status == "preliminary" for row in rows):
        found.append(f"preliminary: with fewer than {RANKED_FROM} seeds, the order of the rows is not a ranking")
    if any(row.unmatched for row in rows):
        found.append(
            f"*: differs by more than {100 * MATCHED_WITHIN:g} % from what the baseline spends (from the mean, if "
            "there is no baseline)"
        )
    for run_id, run in board.runs.items():
        if run.status != "finished":
            reason = f" ({run.reason})" if run.reason else ""
            found.append(f"{run_id}: {run.status}{reason}, so not in the numbers")
    missing: dict[str, list[str]] = defaultdict(list)
    for lost in board.missing:
        missing[f"{lost.objective}, {lost.regime}"].append(str(lost.seed))
    for arm, seeds in missing.items():
        found.append(f"{arm}, seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}: planned, but never started")
    return found


def collapse_note(arm: str, spread: Spread, runs: int) -> str:
    """A warning that some runs of an arm collapsed, with what this means for its numbers."""
    fallen = spread.collapsed
    if len(fallen) == runs:
        begun = sum(run.start for run in fallen) / runs
        return (
            f"{arm}: all {runs} runs collapsed, from {percent(begun)} % before training to between "
            f"{percent(spread.lowest)} and {percent(spread.highest)} % after it"
        )
    named = ", ".join(f"seed {run.seed} at {percent(run.accuracy)} %" for run in fallen)
    return (
        f"{arm}: {len(fallen)} of {runs} runs collapsed ({named}; the median run reached {percent(spread.median)} %). "
        "A few seeds cannot show how often this objective collapses. Its intervals and tests are less reliable than "
        "their nominal level"
    )


def _families(board: Board) -> list[str]:
    """A note on which tests are corrected together, and which error rate follows."""
    differences = [family for family in board.families if family.of != "equivalence"]
    if not differences:
        return []
    if board.correction == "document":
        same = sum(family.tests for family in board.families if family.of == "equivalence")
        return [
            f"error rates: all {differences[0].tests} tests for a difference in this document are corrected together, "
            "those of verdicts and those of ranks, in all tables. If no objectives differ, the probability of any "
            f"false claim of a difference is at most {100 * LEVEL:g} %. The {same} tests for equivalence are "
            "corrected separately"
        ]
    number = len(differences)
    said = (
        "error rates: in each table, three families of tests are corrected separately: verdicts, verdicts of controls, "
        "and ranks. If no objectives differ, the probability of any false claim of a difference is at most "
        f"{100 * LEVEL:g} % per family"
    )
    if number > 1:
        said += f", and at most {100 * min(1.0, number * LEVEL):g} % over the {number} families here"
        if all(part.looks is None for part in board.boards):  # it is refused if a board has looks
            said += ". harness leaderboard --correct document corrects over all of them together"
    return [f"{said}. Tests for equivalence form families of their own"]


def _differing(environments: Sequence[dict[str, str]]) -> list[tuple[str, list[str]]]:
    """Versions that are not the same for all runs. Commits have a warning of their own."""
    keys = sorted({key for environment in environments for key in environment} - {"commit"})
    values = {
        key: sorted({str(environment.get(key, "1" if key == DEVICES else None)) for environment in environments})
        for key in keys
    }
    return [(key, found) for key, found in values.items() if len(found) > 1]
