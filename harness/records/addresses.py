"""Addresses of stores, as they may be shown."""

import re

_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@")


def without_password(text: str) -> str:
    """``text`` with ``***`` for the password of every address in it."""
    return _PASSWORD.sub(r"\1:***@", text)
