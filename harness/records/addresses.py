"""Addresses of stores in a form that may be shown."""

import re

from harness.errors import one_line

_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@")


def without_password(text: str) -> str:
    """``text`` with ``***`` for the password of every address in it."""
    return _PASSWORD.sub(r"\1:***@", text)


def reason_of(error: Exception) -> str:
    """The message of a store's exception, on one line and without passwords."""
    return without_password(one_line(error))[:200]
