"""Which fine-tuning objective teaches a language model more mathematics for the same budget?

From Python: :func:`run`, :func:`leaderboard`, :func:`compare`, :func:`evaluate`, :func:`load`. They are imported when
they are first used, so that importing the package costs nothing.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.notebook.calls import compare, evaluate, leaderboard, load, run

__all__ = ["compare", "evaluate", "leaderboard", "load", "run"]

# PEFT imports it if it is installed, and it then warns about optional kernels.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("harness.notebook.calls"), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
