"""The mark of a field that was added after runs had been published. Imports nothing, so that settings can carry it."""

from typing import Final

LATER: Final = "added after runs had been published"
"""Marks a field, ``beta: Annotated[float, LATER] = 0.1``, that enters a run's id only where it is not its default.
Runs from before it was there keep their ids: they are found, resumed and compared as if it had always been there."""
