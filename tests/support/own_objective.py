"""The objective of one's own that CONTRIBUTING.md shows, as it stands there."""

from tests.support.paths import ROOT

EXAMPLE = (ROOT / "CONTRIBUTING.md").read_text().partition("```python\n")[2].partition("```")[0]
