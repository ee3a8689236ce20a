"""Which of several comparisons are decided at which look: better or worse, or equivalent within the margin."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluators.statistics.estimates import step_down
from evaluators.statistics.ranking import LEVEL
from evaluators.statistics.sequential import Looks


class Decisions:
    """The comparisons of one family, look by look.

    Every step is Holm's (1979) over p-values that hold for all looks, so whoever stops when, at most one family in
    twenty claims a difference where there is none, and at most one in twenty an equivalence of what differs by the
    margin or more. Shapes: [comparisons, ...], and what follows are families of their own, as in a simulation.
    """

    def __init__(self, looks: Looks, shape: tuple[int, ...], *, absent: int = 0, level: float = LEVEL) -> None:
        """``absent``: comparisons that belong to the family and are not shown; they count, and are never decided."""
        self._looks, self._absent, self._level = looks, absent, level
        self.differing, self.same = np.ones(shape), np.ones(shape)
        """p-values over all looks so far: that they do not differ; that they do, by the margin or more."""
        self.at = np.zeros(shape, dtype=np.int64)
        """The look at which each was decided, from 1; 0: it is not."""
        self.equivalent = np.zeros(shape, dtype=np.bool_)
        """Those that were decided so."""

    @property
    def open(self) -> NDArray[np.bool_]:
        """Those that are not decided."""
        return np.equal(self.at, 0)

    def look(self, number: int, differing: ArrayLike, same: ArrayLike) -> None:
        """Take the look numbered ``number`` from 0, by the p-values of its tests alone; 1 where there is none.

        Those of comparisons that are decided are not read.
        """
        was = self.open
        for known, new in ((self.differing, differing), (self.same, same)):
            found = np.minimum(known, self._looks.overall(new, number))
            known[was] = found[was]
        differs, alike = self.corrected(self.differing) < self._level, self.corrected(self.same) < self._level
        self.equivalent |= was & alike & ~differs
        self.at[was & (differs | alike)] = number + 1

    def corrected(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """By Holm's correction, within each family."""
        return step_down(p, self._absent)
