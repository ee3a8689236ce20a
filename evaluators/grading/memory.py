"""A cache of verdicts."""

import threading
from collections import OrderedDict

from evaluators.grading.process import Request
from evaluators.types import Verdict


class Memory:
    """A thread-safe cache of the verdicts of the latest requests."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._known: OrderedDict[Request, Verdict] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, request: Request) -> Verdict | None:
        """The cached verdict, or None."""
        with self._lock:
            if request in self._known:
                self._known.move_to_end(request)
            return self._known.get(request)

    def put(self, request: Request, verdict: Verdict) -> None:
        """Add a verdict. If there are too many, the least recently used one is removed."""
        with self._lock:
            self._known[request] = verdict
            self._known.move_to_end(request)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
