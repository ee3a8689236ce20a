"""A comparison in sentences, and in the terminal."""

from typing import Any

from rich.console import Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from evaluators.statistics.ranking import LEVEL
from harness.records.results import COSTS
from harness.report.pages.cells import count, excerpt, p_value, percent, points, shown

Row = dict[str, Any]
IN_TERMINAL = 3
"""Problems gained, and lost, that the terminal shows."""
EXCERPT = 600
"""Characters of a completion there."""


def sentences(found: Row) -> list[str]:
    """What was compared, and what may be said."""
    (ours, theirs), difference = found["rows"], found["rows"][0]["difference"]
    alone = "problems alone: one run each, which says nothing of their objectives"
    over = alone if found["single"] else "seeds and problems"
    said = [
        f"{found['suite']}, {found['regime']}: {ours['objective']} {points(ours['accuracy'], signed=False)} %, "
        f"{theirs['objective']} {points(theirs['accuracy'], signed=False)} %; the difference is "
        f"{points(difference, signed=True)} points, 95 % interval over {over}."
    ]
    if difference.get("p") is not None:
        within = f"; they are equivalent within {100 * found['margin']:g} points"
        said.append(
            f"p = {p_value(difference['p'])} of no difference, as one comparison alone"
            f"{within if difference['equivalent_p'] < LEVEL else ''}. A run of {ours['objective']} "
            f"beats one of {theirs['objective']} with probability {difference['improvement']:.2f}. These seeds would "
            f"have shown a gap of {100 * difference['detectable']:.1f} points with probability 0.8."
        )
    said.append(
        f"Of {found['problems']} problems {ours['objective']} solves {found['gained']} more often and "
        f"{found['lost']} less often."
    )
    return said


def cost_lines(found: Row) -> list[list[str]]:
    """What each spent a run, and their ratio; then what their completions are like."""
    ours, theirs = found["rows"]
    lines = []
    for unit in COSTS:
        a, b = ours["budget"][unit], theirs["budget"][unit]
        lines.append([unit.replace("_", " "), count(a), count(b), f"{a / b:.2f}" if b else "–"])
    for name, key, show in (
        ("KL to the reference, nats", "kl", "{:.3g}".format),
        ("tokens a completion", "completion_tokens", "{:.1f}".format),
        ("cut at the limit, %", "truncated", percent),
        ("grader timeouts, %", "grader_timeouts", percent),
    ):
        values = [row[key] for row in (ours, theirs)]
        lines.append([name, *("–" if value is None else show(value) for value in values), ""])
    return lines


def terminal(found: Row) -> Group:
    """All of it but most of the problems."""
    table = Table("", *found["names"], "ratio", box=None)
    for line in cost_lines(found):
        table.add_row(*map(shown, line))
    parts: list[Text | Table | Rule] = [*(Text(shown(line)) for line in sentences(found)), table]
    for kind in ("gained", "lost"):
        for example in found["examples"][kind][:IN_TERMINAL]:
            shares = " against ".join(f"{percent(share)} %" for share in example["shares"])
            parts += [Rule(f"{kind}: {shares}"), Text(_short(example["question"]))]
            parts.append(Text(f"expected: {_short(example['answer'])}", style="bold"))
            for name, completion in zip(found["names"], example["completions"], strict=True):
                parts.append(Text(f"{shown(name)}, {completion['verdict']}:", style="bold"))
                parts.append(Text(_short(completion["text"])))
    return Group(*parts)


def _short(text: str) -> str:
    return excerpt(text, EXCERPT)
