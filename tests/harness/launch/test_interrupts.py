"""Ctrl-C, whichever thread receives it from the system."""

import signal
import threading
import time

import pytest

from harness.launch.interrupts import Interrupts


def press(thread: threading.Thread | None = None) -> None:
    """Sends Ctrl-C to a thread. Returns when Python has handled it."""
    if thread is None:
        signal.raise_signal(signal.SIGINT)
    else:
        assert thread.ident
        signal.pthread_kill(thread.ident, signal.SIGINT)
        time.sleep(0.05)


def test_the_first_asks_and_the_second_ends() -> None:
    with Interrupts() as interrupts:
        assert not interrupts.asked
        press()
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            press()


def test_one_that_another_thread_gets_does_not_break_what_the_main_thread_is_at() -> None:
    """This also holds if the main thread blocks the signal, as it does while it starts worker processes."""
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        with Interrupts() as interrupts:
            press(other)
            assert interrupts.asked
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        ended.set()
        other.join()


def test_outside_it_is_what_it_was() -> None:
    with Interrupts():
        press()
    with pytest.raises(KeyboardInterrupt):
        press()
