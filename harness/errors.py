"""What a user can mend: shown as one sentence, exit code 2, no traceback."""

import errno
import sysconfig
import traceback

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a disk says that will refuse every other write, too."""


class HarnessError(Exception):
    """Bad input or surroundings. The message says what, where, and what to do."""


def one_line(error: object) -> str:
    """What an exception says, without its line breaks: part of a sentence."""
    return " ".join(str(error).split())


def place_of(error: BaseException) -> str:
    """``file.py:line`` where an exception came from: the last line of it that is in no installed package."""
    installed = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), sysconfig.get_path("stdlib"))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(installed)] or frames
    return f"{own[-1].filename}:{own[-1].lineno}" if own else "an unknown place"


def explained(error: BaseException) -> str:
    """An exception that was not foreseen, in a sentence: its kind, what it says, and where it came from."""
    return f"{type(error).__name__}: {one_line(error)[:200]} at {place_of(error)}"
