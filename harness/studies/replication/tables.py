"""A replication as a table, for the terminal and for ``replicate.md``."""

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
    """A table with one row per verdict."""
    return grid(COLUMNS, found.verdicts)


def summary(found: Replication) -> str:
    total = len(found.verdicts)
    return (
        f"{total} published verdict{'s' * (total != 1)} on {len(found.seeds)} new seeds: "
        f"{found.count('replicated')} replicated, {found.count('not replicated')} not replicated, "
        f"{found.count('undecided')} undecided. The expected number of replicated verdicts was {found.expected:.1f}."
    )


def notes(found: Replication) -> list[str]:
    """Notes on how to read the table, and on arms that are not in it."""
    return [*reasons(found), *explanations(found), *unclaimed(found)]


def reasons(found: Replication) -> list[str]:
    """Why verdicts did not hold."""
    return [f"{one.objective}, {one.regime}: {one.why}" for one in found.verdicts if one.why]


def explanations(found: Replication) -> list[str]:
    """What the columns mean."""
    return [
        f"difference: the difference to the baseline {found.baseline} in points, paired by seed and problem. ±: a 95 % "
        "interval. New differences use only the new seeds, and each verdict is tested at 5 % on its own",
        "replicated: the new interval excludes zero on the same side; for equivalence, two one-sided tests show that "
        f"the new difference is within {100 * found.margin:g} points. not replicated: the new seeds contradict the "
        "verdict, and a note says how. Otherwise the outcome is undecided",
        "expected: the probability that this number of new seeds replicates the verdict. It is the mean power of the "
        "test if the true difference is d + T s/√n, where d is the published difference of n seeds, s its standard "
        "deviation over seeds, and T has Student's t-distribution. The test has the standard error √(s²/m + p²), where "
        "m is the number of new seeds and p is the part of the published error that comes from the problems. "
        "Differences that happen to be large are more likely to be published. This is not corrected for, so the true "
        "probability is somewhat lower",
    ]


def unclaimed(found: Replication) -> list[str]:
    """A note on arms that have no row in the table."""
    told = ", ".join(f"{one.objective} in {one.regime} ({one.said})" for one in found.unclaimed)
    return [f"the archive makes no claim about these arms, so they were not run: {told}"] if told else []


def in_terminal(found: Replication, *, explain: bool = True) -> Group:
    """The table for the terminal. ``explain``: print the whole legend, instead of a line that says how to get it."""
    warnings = [Text(f"warning: {shown(line)}", style="yellow") for line in found.remarks]
    said = notes(found) if explain else [*reasons(found), HINT, *unclaimed(found)]
    tail = [Text(f"- {shown(line)}") for line in said]
    return Group(*warnings, as_grid(found).terminal(), Text(summary(found)), *tail)


def write(found: Replication, folder: Path) -> list[str]:
    """Write ``TABLE`` and ``DOCUMENT`` into ``folder``, and return their names."""
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
