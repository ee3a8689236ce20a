"""What must be said beside a leaderboard's numbers."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from evaluators.statistics.ranking import LEVEL
from harness.config.budget import Budget
from harness.report.numbers.rows import MATCHED_WITHIN, RANKED_FROM

Row = dict[str, Any]
AUDIT_GROWTH = 0.02
"""Growth of the share of completions on which grader and audit disagree, from which it is a warning."""


def summary(part: Row) -> list[str]:
    """What is compared, who is tied, and what these seeds could have shown: a sentence each."""
    budget = Budget.model_validate(part["budget"])
    said = [
        f"Test accuracy after {budget} a run, regime {part['regime']}; the baseline is "
        f"{part['baseline'] or 'none of the objectives here'}."
    ]
    if part["shared_completions"]:
        said.append(
            f"All were trained on the same {part['shared_completions']:,} completions of the reference (one set a "
            "seed); each run is charged for them, though they were sampled once."
        )
    if tied := [group for group in part["ties"] if len(group) > 1]:
        said.append(f"Not told apart: {'; '.join(', '.join(group) for group in tied)}.")
    gaps = [r["difference"]["detectable"] for r in part["rows"] if r["difference"] and r["difference"]["detectable"]]
    if gaps:
        low, high = (f"{100 * gap:.1f}" for gap in (min(gaps), max(gaps)))
        said.append(
            f"With these seeds a gap to the baseline of {low if low == high else f'{low} to {high}'} points would have "
            "been found with probability 0.8; smaller ones may well be there."
        )
    if pair := part["same_as_agro"]:
        said.append(
            f"A/A: rloo, whose gradient is agro's, gave the same verdict on every test completion on {pair['same']} of "
            f"{pair['seeds']} seeds."
        )
    return said


def warnings(board: Row) -> list[str]:
    """What puts the numbers in doubt."""
    found = []
    if len(board["commits"]) > 1 or any(commit.endswith("-dirty") or commit == "none" for commit in board["commits"]):
        found.append(
            f"code: {', '.join(board['commits'])}; runs of differing, uncommitted or unknown code may not compare"
        )
    for key, values in _differing(board["environments"]):
        found.append(f"{key}: {', '.join(values)}; runs of differing versions may not compare")
    for split, overlap in board["overlap"].items():
        if overlap["same"] or overlap["near"]:
            found.append(
                f"{overlap['same']} of {overlap['held_out']} {split} problems stand in train, {overlap['near']} share "
                "13 words or signs in a row with a train problem"
            )
    for part, row in _rows(board):
        for key, what in (("audit_paid", "accepts against"), ("audit_missed", "refuses what is accepted by")):
            before, after = row[f"start_{key}"], row[key]
            if before is not None and after is not None and after - before > AUDIT_GROWTH:
                found.append(
                    f"{row['objective']}, {part['regime']}: the share of completions that the grader {what} a second "
                    f"rule grew in training, from {100 * before:.1f} to {100 * after:.1f} %; read them: harness compare"
                )
    return found


def notes(board: Row) -> list[str]:
    """How to read the tables, and which runs are not in them."""
    rows = [row for _, row in _rows(board)]
    found = [
        "accuracy: share of correct samples on the test split, mean over seeds, start: the same before training; ±: "
        "95 % t-interval over seeds",
        "difference: to the baseline, paired by seed and problem, in points; ±: 95 % interval for other seeds and "
        "other problems of the kind",
        "p: of no difference, Holm-corrected for all comparisons with the baseline; P(>): probability that a run beats "
        "a run of the baseline",
        f"verdict: better or worse below p = {LEVEL}; equivalent: within {100 * board['margin']:g} points, by two "
        f"one-sided tests at {LEVEL}, corrected likewise; else unclear; rank: by Holm's correction over all pairs",
        "sampled: completions; steps: of the optimiser; tokens: sampled ones; FLOPs: of all models involved",
        "on the way: mean validation accuracy over the budget; KL: to the reference, nats a completion; length: tokens "
        "a completion; cut: at the length limit; paid: accepted by the grader against a second rule, missed: the other "
        "way round",
    ]
    if any(row["status"] == "preliminary" for row in rows):
        found.append(f"preliminary: fewer than {RANKED_FROM} seeds, so the order of the rows is no ranking")
    if any(row["unmatched"] for row in rows):
        found.append(
            f"*: differs by more than {100 * MATCHED_WITHIN:g} % from what the baseline spends; without a baseline, "
            "from the mean"
        )
    for run_id, run in board["runs"].items():
        if run["status"] != "finished":
            reason = f" ({run['reason']})" if run["reason"] else ""
            found.append(f"{run_id}: {run['status']}{reason}, not in the numbers")
    missing: dict[str, list[str]] = defaultdict(list)
    for lost in board["missing"]:
        missing[f"{lost['objective']}, {lost['regime']}"].append(str(lost["seed"]))
    for arm, seeds in missing.items():
        found.append(f"{arm}, seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}: planned, and never begun")
    return found


def _rows(board: Row) -> Iterable[tuple[Row, Row]]:
    return [(part, row) for part in board["boards"] for row in part["rows"] + part["controls"]]


def _differing(environments: list[Row]) -> list[tuple[str, list[str]]]:
    """Versions that are not the same for all runs; commits are told on their own."""
    keys = sorted({key for environment in environments for key in environment} - {"commit"})
    values = {key: sorted({str(environment.get(key)) for environment in environments}) for key in keys}
    return [(key, found) for key, found in values.items() if len(found) > 1]
