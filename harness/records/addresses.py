"""Addresses and errors of stores, in a form without secrets."""

import re

from harness.errors import one_line

_LOGIN = re.compile(r"(?<=://)([^\s:/@]*):\S+@")
"""A user name and a password, up to the last ``@`` of a word. A password may contain any character."""
_OPTION = re.compile(r"(?<=[?&])((?:ssl)?pass(?:word|wd)?|pwd|token)=[^&\s]+", re.IGNORECASE)
UNKNOWN_USER = (
    "it rejects the login (401): set the environment variables MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD "
    "to those of a user of the server"
)
FORBIDDEN = (
    "it does not allow this user to do that (403): ask its administrator for the permission, or set "
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to those of another user"
)


def without_password(text: str) -> str:
    """``text`` with ``***`` for the password of every address in it."""
    return _OPTION.sub(r"\1=***", _LOGIN.sub(r"\1:***@", text))


def address_of(server: str, place: str) -> str:
    """A link to a place on a server. It has no login, because each reader uses their own."""
    return re.sub(r"(?<=://)\S+@", "", server).rstrip("/") + place


def reason_of(error: BaseException) -> str:
    """The message of a store's exception, on one line and without passwords."""
    statuses = _statuses(error)
    if 401 in statuses:
        return UNKNOWN_USER
    return FORBIDDEN if 403 in statuses else without_password(one_line(error))[:200]


def _statuses(error: BaseException | None) -> set[int]:
    """The HTTP statuses of servers in an exception and its causes, from MLflow or other clients. May include 0."""
    found: set[int] = set()
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        asked = getattr(error, "get_http_status_code", None)
        found |= {status if isinstance(status, int) else 0, asked() if asked else 0}
        error = error.__cause__
    return found
