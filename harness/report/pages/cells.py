"""How reports write numbers and texts: in cells, in sentences and in Markdown."""

from collections.abc import Callable

from harness.report.numbers.interval import Interval

NONE = "–"
SIZES = ((1e21, "Z"), (1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
LONGEST = 4000
"""The number of characters of a text that a page shows."""


def ranks(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best}–{worst}"


def points(interval: Interval | None, *, signed: bool = False) -> str:
    """A mean in percent with ± half its interval, or with both ends if the interval is not symmetric."""
    if interval is None:
        return NONE
    text = signed_percent(interval.mean) if signed else percent(interval.mean)
    low, high = interval.low, interval.high
    if low is None or high is None:
        return text
    if abs(low + high - 2 * interval.mean) > 1e-9:
        return f"{text} [{percent(low)}, {percent(high)}]"
    return f"{text} ± {percent((high - low) / 2)}"


def signed_percent(share: float) -> str:
    return f"{_in_percent(share):+.1f}"


def percent(share: float | None) -> str:
    return NONE if share is None else f"{_in_percent(share):.1f}"


def _in_percent(share: float) -> float:
    return round(100 * share, 1) + 0.0  # + 0.0: no negative zero


def digits(number: float | None) -> str:
    """A number with three digits, as in :func:`count`."""
    return NONE if number is None else count(number)


def tenths(number: float | None) -> str:
    return NONE if number is None else f"{number:.1f}"


def p_value(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def span(interval: Interval, text: Callable[[float], str]) -> str:
    """The two ends of an interval, without the mean."""
    low, high = interval.low, interval.high
    return NONE if low is None or high is None else f"{text(low)}–{text(high)}"


def probability(found: float, low: float | None, high: float | None) -> str:
    """A probability, with its interval if there is one."""
    return f"{found:.2f}" if low is None or high is None else f"{found:.2f} [{low:.2f}, {high:.2f}]"


def count(number: float) -> str:
    """Three digits and a unit: 1.23M."""
    short = float(f"{number:.3g}")  # first, because 999,999 is 1M and not 1000k
    for size, suffix in SIZES:
        if short >= size:
            return f"{short / size:.3g}{suffix}"
    return f"{short:.3g}"


def place(value: float | str | None) -> str:
    """The x value of a point in a figure: whole numbers in full, others with three digits."""
    if value is None or isinstance(value, str):
        return value or NONE
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e8 else count(value)


def shown(text: str) -> str:
    """A text with visible control characters. Otherwise they could redraw a terminal or hide a name."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def excerpt(text: str, longest: int = LONGEST) -> str:
    """A text with visible control characters, and without the middle if it is long."""
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n[… {len(text) - 2 * half:,} characters …]\n{text[-half:]}"
    return shown(text)


def escaped(text: str) -> str:
    """A text escaped for Markdown, so that it is shown as it is."""
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|")):
        text = text.replace(mark, entity)
    return " ".join(shown(text).split("\n"))


def as_code(text: str) -> str:
    """A text as an indented Markdown code block."""
    return "\n".join(f"    {line}" for line in shown(text).split("\n"))
