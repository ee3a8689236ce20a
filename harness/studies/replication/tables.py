"""A replication as a table, in the terminal and in ``replicate.md``."""

from pathlib import Path

from rich.console import Group
from rich.text import Text

from harness.report.pages.cells import NONE, escaped, percent, points, shown
from harness.report.pages.grid import HINT, Column, Grid, grid
from harness.studies.replication.found import Replicated, Replication

TABLE, DOCUMENT = "replicate.md", "replicate.json"

COLUMNS: tuple[Column[Replicated], ...] = (
    Column("regime", lambda one: one.regime, lambda one: one.regime),
    Column("objective", lambda one: one.objective, lambda one: one.objective),
    Column("published", lambda one: one.verdict, lambda one: one.verdict),
    Column("difference", lambda one: points(one.published, signed=True), lambda one: one.published.mean),
    Column("seeds", lambda one: str(one.published_seeds), lambda one: one.published_seeds),
    Column("new difference", lambda one: points(one.new, signed=True), lambda one: one.new.mean if one.new else None),
    Column("new seeds", lambda one: str(one.new_seeds), lambda one: one.new_seeds),
    Column("outcome", lambda one: one.outcome, lambda one: one.outcome, whole=True),
    Column("expected %", lambda one: NONE if one.expected is None else percent(one.expected), lambda one: one.expected),
)


def as_grid(found: Replication) -> Grid:
    """A line a verdict."""
    return grid(COLUMNS, found.verdicts)


def summary(found: Replication) -> str:
    total = len(found.verdicts)
    return (
        f"Of {total} published verdict{'s' * (total != 1)} {found.count('replicated')} replicated, "
        f"{found.count('not replicated')} not, {found.count('undecided')} undecided, on {len(found.seeds)} new seeds; "
        f"{found.expected:.1f} should have replicated."
    )


def notes(found: Replication) -> list[str]:
    """How the table is made, and what stands in none of its lines."""
    return [*reasons(found), *explanations(found), *unclaimed(found)]


def reasons(found: Replication) -> list[str]:
    """Why verdicts did not hold."""
    return [f"{one.objective}, {one.regime}: {one.why}" for one in found.verdicts if one.why]


def explanations(found: Replication) -> list[str]:
    """What the columns mean."""
    return [
        f"baseline {found.baseline}; difference: paired by seed and problem, in points, ±: 95 % interval; the new ones "
        "are of the new seeds alone, each verdict tested at 5 % on its own",
        "replicated: the new interval leaves zero out on the same side, or two one-sided tests put the new difference "
        f"within {100 * found.margin:g} points where equivalence was published; not replicated: the new seeds "
        "contradict the verdict, and it says how; else undecided",
        "expected: probability that so many new seeds replicate it, if the true difference is d + T s/√n, with the "
        "published difference d of n seeds, its spread s over seeds, and Student's T: the mean power of the test, "
        "whose error is √(s²/m + p²) with m new seeds and the problems' part p of the published error. Verdicts are "
        "published where a difference happens to be large, which is not corrected for: the true share is rather less",
    ]


def unclaimed(found: Replication) -> list[str]:
    """What stands in no line of the table."""
    told = ", ".join(f"{one.objective} in {one.regime} ({one.said})" for one in found.unclaimed)
    return [f"nothing was claimed, and nothing was run, of {told}"] if told else []


def in_terminal(found: Replication, *, explain: bool = True) -> Group:
    """``explain``: with the whole legend, not only a line that says how to get it."""
    warnings = [Text(f"warning: {shown(line)}", style="yellow") for line in found.remarks]
    said = notes(found) if explain else [*reasons(found), HINT, *unclaimed(found)]
    tail = [Text(f"- {shown(line)}") for line in said]
    return Group(*warnings, as_grid(found).terminal(), Text(summary(found)), *tail)


def write(found: Replication, folder: Path) -> list[str]:
    """``TABLE`` and ``DOCUMENT`` in the suite's folder, and their names."""
    lines = [
        f"# {escaped(found.suite)}, replicated",
        "",
        f"    {found.command}",
        "",
        *(f"**Warning:** {escaped(line)}\n" for line in found.remarks),
        summary(found),
        "",
        *as_grid(found).markdown(),
        "",
        *(f"- {escaped(line)}" for line in notes(found)),
        "",
        "<details><summary>The new runs</summary>",
        "",
        *(f"- {escaped(one.objective)}, {one.regime}: {', '.join(one.run_ids)}" for one in found.verdicts),
        "",
        "</details>",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / DOCUMENT).write_text(found.as_json(), encoding="utf-8")
    return [TABLE, DOCUMENT]
