"""What a user can mend: shown as one sentence, exit code 2, no traceback."""

import errno

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a disk says that will refuse every other write, too."""


class HarnessError(Exception):
    """Bad input or surroundings. The message says what, where, and what to do."""


def one_line(error: object) -> str:
    """What an exception says, without its line breaks: part of a sentence."""
    return " ".join(str(error).split())
