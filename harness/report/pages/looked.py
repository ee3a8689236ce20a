"""The sentences above a board whose seeds were added until the comparison was decided (``--until``)."""

from collections.abc import Sequence

from harness.report.numbers.document import ArmRow, Looked, RegimeBoard


def looked(part: RegimeBoard) -> list[str]:
    """Sentences on the looks, on what was decided when, and on how the numbers allow for the looks.

    Empty if the number of seeds was fixed.
    """
    if part.looks is None:
        return []
    said = [_rule(part.looks, part.baseline), *_found(part, part.looks.plan.seeds)]
    said.append(
        "p-values, verdicts and ranks are valid over all looks together. The ± of a difference is a repeated "
        "confidence interval: it is computed at the level that the last look may spend, so its coverage is 95 % "
        "whichever look is the last. Differences that are decided early tend to be overestimated."
    )
    if beyond := [f"{row.objective} {row.looks.beyond}" for row in part.arms if row.looks and row.looks.beyond]:
        said.append(f"Runs beyond the looks count in the accuracies, but in no test: {', '.join(beyond)}.")
    if part.looks.by_hand:
        said.append(
            f"{part.looks.by_hand} of the runs in these looks were started by another command than the planned one. If "
            "their results influenced the plan or its looks, the error rate does not hold."
        )
    return said


def _rule(found: Looked, baseline: str | None) -> str:
    plan = found.plan
    number = f"{found.compared} comparisons" if found.compared != 1 else "one comparison"
    other = "" if baseline == plan.baseline else f" (the looks were planned against {plan.baseline})"
    return (
        f"Seeds were added until a decision, with looks after {_listed(plan.seeds)} seeds. The error rate over all "
        f"looks together is {100 * plan.level:g} %. It is spent by the Lan-DeMets function for O'Brien-Fleming bounds, "
        f"with Bonferroni's correction over the looks and Holm's over {number} with {baseline}{other}. Controls have "
        f"an error rate of their own, and so has equivalence within {100 * plan.margin:g} points."
    )


def _found(part: RegimeBoard, seeds: Sequence[int]) -> list[str]:
    """One sentence on what is decided, and one on what is not."""
    rows = [row for row in part.arms if row.looks]
    done = [_when(row, seeds) for row in rows if row.looks and row.looks.verdict]
    still = [_stands(row, seeds) for row in rows if row.looks and not row.looks.verdict]
    return [
        *([f"Decided: {', '.join(done)}."] if done else []),
        *([f"Undecided: {', '.join(still)}."] if still else []),
    ]


def _when(row: ArmRow, seeds: Sequence[int]) -> str:
    assert row.looks and row.looks.at
    return f"{row.objective} {row.looks.verdict} at look {row.looks.at} ({seeds[row.looks.at - 1]} seeds)"


def _stands(row: ArmRow, seeds: Sequence[int]) -> str:
    assert row.looks
    taken = row.looks.taken
    if taken == len(seeds):
        return f"{row.objective} after the last look"
    until = f"after look {taken} of {len(seeds)}, " if taken else ""
    return f"{row.objective} ({until}the next is after {seeds[taken]} seeds)"


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
