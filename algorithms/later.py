"""The mark of a field that was added after runs had been published. This module has no heavy imports."""

from typing import Final

LATER: Final = "added after runs had been published"
"""Marks a field, as in ``beta: Annotated[float, LATER] = 0.1``, that enters a run's id only if it differs from its
default. So older runs keep their ids, and they can still be found, resumed and compared."""
