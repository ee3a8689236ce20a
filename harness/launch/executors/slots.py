"""Which run starts next, and on which devices: in the order that is given, and no large one waits for ever."""

from collections.abc import Sequence


class Slots:
    """What is free of ``devices`` devices that take ``runs_per_device`` runs each.

    A run of one device takes a slot of it, a run of several takes each of them whole. Where the first run of several
    that waits finds too few, it reserves devices: nothing else starts on them until it has all that it needs.
    """

    def __init__(self, devices: int, runs_per_device: int = 1, most: int | None = None) -> None:
        self._each = runs_per_device
        self._free = [runs_per_device] * devices
        self._reserved: set[int] = set()
        self._left = most if most is not None else devices * runs_per_device
        """Runs that may still start beside those that run."""

    def next(self, waiting: Sequence[int]) -> tuple[int, tuple[int, ...]] | None:
        """Which of the waiting runs, given as the number of devices each wants, starts now; and its devices, taken.

        None if none can.
        """
        if not self._left or not any(self._free):
            return None
        in_vain: set[int] = set()
        for place, wanted in enumerate(waiting):
            if wanted in in_vain:
                continue
            first_large = wanted > 1 and not in_vain - {1}
            found = self._one() if wanted == 1 else self._several(wanted, first=first_large)
            if found:
                self._take(found)
                if first_large:
                    self._reserved.clear()
                return place, found
            in_vain.add(wanted)
        return None

    def give_back(self, devices: Sequence[int]) -> None:
        """A run on them has ended."""
        self._left += 1
        for device in devices:
            self._free[device] += self._each if len(devices) > 1 else 1

    def _take(self, devices: Sequence[int]) -> None:
        self._left -= 1
        for device in devices:
            self._free[device] -= self._each if len(devices) > 1 else 1

    def _one(self) -> tuple[int, ...] | None:
        """The emptiest of the devices that nothing larger waits for."""
        open_to_all = [i for i, free in enumerate(self._free) if free and i not in self._reserved]
        return (max(open_to_all, key=lambda i: self._free[i]),) if open_to_all else None

    def _several(self, wanted: int, *, first: bool) -> tuple[int, ...] | None:
        assert wanted <= len(self._free), "it would wait for ever; places_of refuses such runs"
        whole = [i for i, free in enumerate(self._free) if free == self._each and (first or i not in self._reserved)]
        if len(whole) >= wanted:
            return tuple(whole[:wanted])
        if first and not self._reserved:
            emptiest = sorted(range(len(self._free)), key=lambda i: -self._free[i])
            self._reserved = set(emptiest[:wanted])
        return None
