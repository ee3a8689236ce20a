"""Which grader judged: the verdicts of different ones never share a table."""

from collections.abc import Mapping


def grader_of(versions: Mapping[str, str]) -> str:
    """``2/0.9.0``: the grader's version, and math-verify's, on which its verdicts depend too."""
    return f"{versions.get('grader', 'unknown')}/{versions.get('math-verify', 'none')}"


def is_called(grader: str, name: str) -> bool:
    """Whether ``name`` means this grader: all of its name, or its own version alone."""
    return name in (grader, grader.partition("/")[0])
