"""What a user can mend: shown as one sentence, exit code 2, no traceback."""


class HarnessError(Exception):
    """Bad input or surroundings. The message says what, where, and what to do."""
