"""Ctrl-C while runs run: the first one asks for a stop, a second one ends the command at once."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupts:
    """Inside, Ctrl-C sets :attr:`asked`; once that is set, it raises KeyboardInterrupt as elsewhere.

    A handler, and not a signal mask alone: the signal may reach any thread, and then interrupts the main thread
    wherever that happens to be. In a thread other than the main one nothing is handled, as Python has it.
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
