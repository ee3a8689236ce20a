"""The example of an own objective in CONTRIBUTING.md, without changes."""

from tests.support.paths import ROOT

EXAMPLE = (ROOT / "CONTRIBUTING.md").read_text().partition("```python\n")[2].partition("```")[0]
