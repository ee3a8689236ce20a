r"""Answers that no algebra is spent on: so large, or so far from finished, that they would only burn the time limit.

The expected answer sets the measure: what is heavy in it may be as heavy in the answer. An answer that is refused here
has the verdict ``TIMEOUT``, as if its comparison had been tried.
"""

import re

LARGEST_EXPONENT = 100
LARGEST_POWER_OF_SUM = 20
"""Of what stands in brackets."""
LARGEST_FACTORIAL = 1000
LARGEST_CHOICE = 10_000
DEEPEST = 20
"""Open brackets."""
MOST_COMMAS = 20

_UNFINISHED = re.compile(r"\\(?:i{1,4}nt|oint|sum|prod|lim)(?![A-Za-z])")
_EXPONENT = re.compile(r"\^\s*\{?\s*-?\s*([0-9]+)")
_POWER_OF_SUM = re.compile(r"[)\]]\s*\^\s*\{?\s*([0-9]+)")
_TOWER = re.compile(r"\^\s*\{\s*[0-9]+\s*\^")
_HIGH_TOWER = re.compile(r"\^\s*\{[^{}^]*\^\s*\{[^{}^]*\^")
_FACTORIAL = re.compile(r"([0-9]+)\s*!")
_REPEATED_FACTORIAL = re.compile(r"!\s*[)}\]]*\s*!")
_CHOICE = re.compile(r"\\[dt]?binom\s*\{\s*([0-9]+)")
_DIGITS = re.compile(r"([0-9]+)")
_OPENING, _CLOSING = "([{", ")]}"


def hopeless(expected: str, answer: str) -> bool:
    """Whether ``answer`` would take long to compare, and could hardly equal ``expected``."""
    largest = 2 * _largest(_DIGITS, expected)
    return (
        any(pattern.search(answer) and not pattern.search(expected) for pattern in (_UNFINISHED, _TOWER, _HIGH_TOWER))
        or _REPEATED_FACTORIAL.search(answer) is not None
        or _largest(_EXPONENT, answer) > max(LARGEST_EXPONENT, largest)
        or _largest(_POWER_OF_SUM, answer) > max(LARGEST_POWER_OF_SUM, largest)
        or _largest(_FACTORIAL, answer) > max(LARGEST_FACTORIAL, largest)
        or _largest(_CHOICE, answer) > max(LARGEST_CHOICE, largest)
        or _depth(answer) > max(DEEPEST, _depth(expected))
        or answer.count(",") > max(MOST_COMMAS, 2 * expected.count(","))
    )


def _largest(pattern: re.Pattern[str], text: str) -> int:
    return max((int(number) for number in pattern.findall(text)), default=0)


def _depth(text: str) -> int:
    """The most brackets that are open at once; a closing one too many counts as none."""
    deepest = depth = 0
    for character in text:
        depth = max(0, depth + (character in _OPENING) - (character in _CLOSING))
        deepest = max(deepest, depth)
    return deepest
