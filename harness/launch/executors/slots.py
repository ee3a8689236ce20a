"""The choice of the next run and its devices: in the given order, but so that large runs do not wait forever."""

from collections.abc import Sequence


class Slots:
    """The free slots of ``devices`` devices with ``runs_per_device`` slots each.

    A run on one device takes one slot, and a run on several devices takes all slots of each. If the first waiting run
    on several devices does not find enough of them, it reserves devices. Nothing else starts on reserved devices until
    this run has started.
    """

    def __init__(self, devices: int, runs_per_device: int = 1, most: int | None = None) -> None:
        self._each = runs_per_device
        self._free = [runs_per_device] * devices
        self._reserved: set[int] = set()
        self._left = most if most is not None else devices * runs_per_device
        """The number of runs that may still start."""

    def next(self, waiting: Sequence[int]) -> tuple[int, tuple[int, ...]] | None:
        """The index of a waiting run that can start now, and its devices, which are then taken. None if none can start.

        ``waiting``: the number of devices of each waiting run.
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
        """Free the devices of a run that has ended."""
        self._left += 1
        for device in devices:
            self._free[device] += self._each if len(devices) > 1 else 1

    def _take(self, devices: Sequence[int]) -> None:
        self._left -= 1
        for device in devices:
            self._free[device] -= self._each if len(devices) > 1 else 1

    def _one(self) -> tuple[int, ...] | None:
        """The device with the most free slots among those that are not reserved."""
        open_to_all = [i for i, free in enumerate(self._free) if free and i not in self._reserved]
        return (max(open_to_all, key=lambda i: self._free[i]),) if open_to_all else None

    def _several(self, wanted: int, *, first: bool) -> tuple[int, ...] | None:
        assert wanted <= len(self._free), "it would wait forever; places_of refuses such runs"
        whole = [i for i, free in enumerate(self._free) if free == self._each and (first or i not in self._reserved)]
        if len(whole) >= wanted:
            return tuple(whole[:wanted])
        if first and not self._reserved:
            emptiest = sorted(range(len(self._free)), key=lambda i: -self._free[i])
            self._reserved = set(emptiest[:wanted])
        return None
