"""What is said above a board whose seeds went on until it was decided."""

from collections.abc import Sequence

from harness.report.numbers.document import ArmRow, Looked, RegimeBoard


def looked(part: RegimeBoard) -> list[str]:
    """How often one looked, what was decided when, and how the numbers allow for that; none where seeds were fixed."""
    if part.looks is None:
        return []
    said = [_rule(part.looks, part.baseline), *_found(part, part.looks.plan.seeds)]
    said.append(
        "p, verdicts and ranks hold for all looks together, and the ± of a difference is the interval of its last "
        "look, at the level that this one may spend (a repeated confidence interval), so that it covers in 95 % of all "
        "cases whichever look was the last. A difference that was decided early tends to be overstated."
    )
    if beyond := [f"{row.objective} {row.looks.beyond}" for row in part.arms if row.looks and row.looks.beyond]:
        said.append(f"Runs beyond the looks are in the accuracies, and in no test: {', '.join(beyond)}.")
    if part.looks.by_hand:
        said.append(
            f"{part.looks.by_hand} of the runs that were looked at were begun by another command than the planned "
            "one. If the plan was made, or its looks chosen, because of what they showed, the error rate does not hold."
        )
    return said


def _rule(found: Looked, baseline: str | None) -> str:
    plan = found.plan
    number = f"{found.compared} comparisons" if found.compared != 1 else "one comparison"
    other = "" if baseline == plan.baseline else f" (the seeds went on until it was decided against {plan.baseline})"
    return (
        f"Seeds until it is decided, by looks after {_listed(plan.seeds)} seeds: {100 * plan.level:g} % for all looks "
        "together, spent as Lan and DeMets do after O'Brien and Fleming, Bonferroni over the looks, Holm over "
        f"{number} with {baseline}{other}; controls apart, and equivalence (within {100 * plan.margin:g} points) at as "
        "much again."
    )


def _found(part: RegimeBoard, seeds: Sequence[int]) -> list[str]:
    """A sentence on what is decided, and one on what is not."""
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
