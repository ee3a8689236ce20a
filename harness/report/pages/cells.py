"""The cells of a leaderboard, as text; shared by Markdown, terminal, page and dataset card."""

from collections.abc import Sequence
from typing import Any

from evaluators.statistics.ranking import LEVEL

Row = dict[str, Any]
REACHED = ("objective", "rank", "seeds", "accuracy %", "start", "difference", "p", "P(>)", "verdict")
TOOK = ("objective", "sampled", "steps", "tokens", "FLOPs", "seconds")
BEHAVED = ("objective", "on the way %", "KL", "length", "cut %", "timeouts %", "paid %", "missed %")
UNIT_OF = {
    "sampled": "sampled_completions",
    "steps": "optimizer_steps",
    "tokens": "sampled_tokens",
    "FLOPs": "flops",
    "seconds": "seconds",
}
SHARES = ("truncated", "grader_timeouts", "audit_paid", "audit_missed")
NONE = "–"
LONGEST = 4000
"""Characters of a text that a page shows."""


def reached(row: Row) -> list[str]:
    """What an arm's runs reached, in the order of ``REACHED``."""
    difference = row["difference"]
    lost = [f"{len(row[kind])} {kind}" for kind in ("failed", "unfinished", "missing") if row[kind]]
    return [
        row["objective"],
        NONE if row["rank"] is None else ranks(*row["rank"]),
        str(len(row["seeds"])) + (f" ({', '.join(lost)})" if lost else ""),
        points(row["accuracy"], signed=False),
        percent(row["start_accuracy"]),
        points(difference, signed=True),
        NONE if difference is None or difference["p_holm"] is None else p_value(difference["p_holm"]),
        NONE if difference is None else f"{difference['improvement']:.2f}",
        verdict(row),
    ]


def reached_values(row: Row) -> list[Any]:
    """What the cells of :func:`reached` are sorted by; None sorts last."""
    accuracy, difference = row["accuracy"] or {}, row["difference"] or {}
    return [
        row["objective"],
        row["rank"] and row["rank"][0],
        len(row["seeds"]),
        accuracy.get("mean"),
        row["start_accuracy"],
        difference.get("mean"),
        difference.get("p_holm"),
        difference.get("improvement"),
        verdict(row),
    ]


def took(row: Row) -> list[str]:
    """What that took, in the order of ``TOOK``."""
    spent = [
        NONE if not row["budget"] else count(row["budget"][unit]) + ("*" if unit in row["unmatched"] else "")
        for unit in UNIT_OF.values()
    ]
    return [row["objective"], *spent]


def took_values(row: Row) -> list[Any]:
    """What the cells of :func:`took` are sorted by."""
    return [row["objective"], *(row["budget"].get(unit) for unit in UNIT_OF.values())]


def behaved(row: Row) -> list[str]:
    """How it got there and what its completions are like, in the order of ``BEHAVED``."""
    kl, length = (NONE if row[key] is None else f"{row[key]:.3g}" for key in ("kl", "completion_tokens"))
    shares = (percent(row[key]) for key in SHARES)
    return [row["objective"], points(row["mean_over_budget"], signed=False), kl, length, *shares]


def behaved_values(row: Row) -> list[Any]:
    """What the cells of :func:`behaved` are sorted by."""
    on_the_way = (row["mean_over_budget"] or {}).get("mean")
    return [row["objective"], on_the_way, row["kl"], row["completion_tokens"], *(row[key] for key in SHARES)]


def verdict(row: Row) -> str:
    """What may be said of the difference to the baseline."""
    difference = row["difference"]
    if row["status"] not in ("ranked", "preliminary"):
        return str(row["status"])
    if difference is None or difference["p_holm"] is None:
        return NONE
    if row["status"] == "preliminary":
        return "preliminary"
    if difference["p_holm"] < LEVEL:
        return "better" if difference["mean"] > 0 else "worse"
    return "equivalent" if difference["equivalent_p"] < LEVEL else "unclear"


def across(boards: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Headers and rows: an arm a row, controls last, its mean accuracy and rank in each regime a column."""
    found = {part["regime"]: {row["objective"]: row for row in part["rows"] + part["controls"]} for part in boards}
    names = dict.fromkeys(row["objective"] for kind in ("rows", "controls") for part in boards for row in part[kind])
    rows = [[name, *(_placed(of[name]) if name in of else NONE for of in found.values())] for name in names]
    return ["objective", *found], rows


def _placed(row: Row) -> str:
    accuracy = points(row["accuracy"], signed=False)
    return accuracy if row["rank"] is None else f"{accuracy} ({ranks(*row['rank'])})"


def ranks(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best}–{worst}"


def points(interval: dict[str, float | None] | None, *, signed: bool) -> str:
    """Shares as percent, with half of their interval, or with its ends where it is not symmetric."""
    if interval is None or interval["mean"] is None:
        return NONE
    text = signed_percent(interval["mean"]) if signed else percent(interval["mean"])
    low, high = interval["low"], interval["high"]
    if low is None or high is None:
        return text
    if abs(low + high - 2 * interval["mean"]) > 1e-9:
        return f"{text} [{percent(low)}, {percent(high)}]"
    return f"{text} ± {percent((high - low) / 2)}"


def signed_percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # + 0.0: no negative zero


def percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f}"


def p_value(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def count(number: float) -> str:
    """Three digits and a unit: 1.23M."""
    for size, suffix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def shown(text: str) -> str:
    """With control characters made visible: they could redraw a terminal or hide a name."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def excerpt(text: str, longest: int = LONGEST) -> str:
    """What is shown of a text: control characters visible, the middle of a long one left out."""
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n[… {len(text) - 2 * half:,} characters …]\n{text[-half:]}"
    return shown(text)
