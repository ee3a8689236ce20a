"""Ctrl-C during runs: the first one asks for a stop, and a second one ends the command immediately."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupts:
    """A context in which the first Ctrl-C sets :attr:`asked`. The next one raises KeyboardInterrupt as usual.

    This is a handler and not only a signal mask, because the signal may reach any thread and then interrupts the main
    thread wherever it is. Python handles signals only in the main thread, so in other threads this does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "Interrupts":
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
