"""Errors that a user can fix. They are shown as one sentence without a traceback, and the exit code is 2."""

import errno
import sysconfig
import traceback

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""Error numbers of a disk that will refuse every other write, too."""


class HarnessError(Exception):
    """Bad input or a bad environment. The message says what is wrong, where, and what to do."""


def one_line(error: object) -> str:
    """The message of an exception without line breaks, as part of a sentence."""
    return " ".join(str(error).split())


def place_of(error: BaseException) -> str:
    """``file.py:line`` of an exception: the last line of its traceback that is not in an installed package."""
    installed = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), sysconfig.get_path("stdlib"))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(installed)] or frames
    return f"{own[-1].filename}:{own[-1].lineno}" if own else "an unknown place"


def explained(error: BaseException) -> str:
    """An unexpected exception in one sentence: its type, its message, and its place."""
    return f"{type(error).__name__}: {one_line(error)[:200]} at {place_of(error)}"
