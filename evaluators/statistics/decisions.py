"""The look at which each of several comparisons is decided: better or worse, or equivalent within the margin."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluators.statistics.estimates import step_down
from evaluators.statistics.ranking import LEVEL
from evaluators.statistics.sequential import Looks


class Decisions:
    """The comparisons of one family over all looks.

    Every step is Holm's procedure (1979) with p-values that are valid for all looks. So at any time of stopping, at
    most one family in twenty claims a difference that does not exist. At most one in twenty claims an equivalence
    although the arms differ by the margin or more. Shapes are [comparisons, ...]; the other dimensions are independent
    families, as in a simulation.
    """

    def __init__(self, looks: Looks, shape: tuple[int, ...], *, absent: int = 0, level: float = LEVEL) -> None:
        """``absent``: the number of further comparisons in the family. They count, but are never decided."""
        self._looks, self._absent, self._level = looks, absent, level
        self.differing, self.same = np.ones(shape), np.ones(shape)
        """p-values over all looks so far: of no difference, and of a difference of the margin or more."""
        self.at = np.zeros(shape, dtype=np.int64)
        """The look at which each was decided, from 1; 0 if it is not decided."""
        self.equivalent = np.zeros(shape, dtype=np.bool_)
        """The comparisons that were decided as equivalent."""

    @property
    def open(self) -> NDArray[np.bool_]:
        """The comparisons that are not decided."""
        return np.equal(self.at, 0)

    def look(self, number: int, differing: ArrayLike, same: ArrayLike) -> None:
        """Add the look with the number ``number`` (from 0), with the p-values of its own tests; 1 if there is none.

        The p-values of decided comparisons are ignored.
        """
        was = self.open
        for known, new in ((self.differing, differing), (self.same, same)):
            found = np.minimum(known, self._looks.overall(new, number))
            known[was] = found[was]
        differs, alike = self.corrected(self.differing) < self._level, self.corrected(self.same) < self._level
        self.equivalent |= was & alike & ~differs
        self.at[was & (differs | alike)] = number + 1

    def corrected(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """p-values with Holm's correction within each family."""
        return step_down(p, self._absent)
