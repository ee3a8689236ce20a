"""Verdicts that were given before."""

import threading
from collections import OrderedDict

from evaluators.grading.process import Request
from evaluators.types import Verdict


class Memory:
    """The verdicts of the requests that were asked for last. Safe to share between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._known: OrderedDict[Request, Verdict] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, request: Request) -> Verdict | None:
        """None: not known, or forgotten."""
        with self._lock:
            if request in self._known:
                self._known.move_to_end(request)
            return self._known.get(request)

    def put(self, request: Request, verdict: Verdict) -> None:
        """Forgets the one that was asked for longest ago, where they become too many."""
        with self._lock:
            self._known[request] = verdict
            self._known.move_to_end(request)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
