"""Which grader judged: the verdicts of different ones never share a table."""

from collections.abc import Mapping


def grader_of(versions: Mapping[str, str]) -> str:
    """Its version, ``2``; of the first one ``1/0.9.0``, as its verdicts depended on math-verify's version too."""
    own = versions.get("grader", "unknown")
    return f"{own}/{versions['math-verify']}" if "math-verify" in versions else own


def is_called(grader: str, name: str) -> bool:
    """Whether ``name`` means this grader: all of its name, or its own version alone."""
    return name in (grader, grader.partition("/")[0])
