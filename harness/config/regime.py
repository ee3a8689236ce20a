"""The grammar of regimes, which say where the completions of a rollout batch come from."""

import re
from dataclasses import dataclass
from typing import Literal

LEAST_FRACTION = 0.0001
"""The smallest fraction that is written without an exponent."""
GRAMMAR = "on_policy, stale:STEPS, replay:SIZE,FRACTION or offline"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegimeSpec:
    """A parsed regime."""

    kind: Literal["on_policy", "stale", "replay", "offline"]
    steps: int = 0
    """The age of stale completions, in optimiser steps."""
    size: int = 0
    """The number of newest completions in the replay buffer."""
    fraction: float = 0.0
    """The share of a rollout batch that comes from the buffer."""

    @classmethod
    def parse(cls, text: str) -> "RegimeSpec":
        """Parse a regime of ``GRAMMAR``. ``stale:0`` is ``on_policy``. Raises ValueError with one sentence."""
        if text in ("on_policy", "stale:0"):
            return cls(kind="on_policy")
        if text == "offline":
            return cls(kind="offline")
        if match := re.fullmatch(r"stale:(\d+)", text):
            return cls(kind="stale", steps=int(match[1]))
        match = re.fullmatch(r"replay:(\d+),(0?\.\d+)", text)
        if match and int(match[1]) and float(match[2]) >= LEAST_FRACTION:
            return cls(kind="replay", size=int(match[1]), fraction=float(match[2]))
        raise ValueError(
            f"{text!r} is not a regime; give {GRAMMAR}, such as stale:16 or replay:2048,0.5, "
            f"with FRACTION from {LEAST_FRACTION} to 1"
        )

    @property
    def order(self) -> tuple[int, int, str]:
        """The sort key, from fresh to fixed data: on-policy, stale by age, replay, offline."""
        return ("on_policy", "stale", "replay", "offline").index(self.kind), self.steps, str(self)

    def again(self, prompts: int) -> int:
        """The number of groups, in a batch of ``prompts``, that come from the buffer."""
        return round(prompts * self.fraction)

    def __str__(self) -> str:
        match self.kind:
            case "stale":
                return f"stale:{self.steps}"
            case "replay":
                return f"replay:{self.size},{self.fraction}"
        return self.kind
