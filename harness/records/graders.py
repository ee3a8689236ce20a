"""The names of graders. Verdicts of different graders never share a table."""

from collections.abc import Mapping


def grader_of(versions: Mapping[str, str]) -> str:
    """The name of the grader in these versions, such as ``2``.

    The first grader is called ``1/0.9.0``, because its verdicts also depended on the version of math-verify.
    """
    own = versions.get("grader", "unknown")
    return f"{own}/{versions['math-verify']}" if "math-verify" in versions else own


def is_called(grader: str, name: str) -> bool:
    """Whether ``name`` refers to this grader: its full name, or only its own version."""
    return name in (grader, grader.partition("/")[0])
