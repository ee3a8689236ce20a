"""The grammar of regimes: where the completions of a rollout batch come from."""

import re
from dataclasses import dataclass
from typing import Literal

GRAMMAR = "on_policy, stale:STEPS, replay:SIZE,FRACTION or offline"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegimeSpec:
    """A regime as the command line names it."""

    kind: Literal["on_policy", "stale", "replay", "offline"]
    steps: int = 0
    """Age of stale completions, in optimiser steps."""
    size: int = 0
    """Completions that the replay buffer holds, the newest."""
    fraction: float = 0.0
    """Share of a rollout batch that is taken from the buffer."""

    @classmethod
    def parse(cls, text: str) -> "RegimeSpec":
        """From ``GRAMMAR``; ``stale:0`` is ``on_policy``. Raises ValueError with one sentence."""
        if text in ("on_policy", "stale:0"):
            return cls(kind="on_policy")
        if text == "offline":
            return cls(kind="offline")
        if match := re.fullmatch(r"stale:(\d+)", text):
            return cls(kind="stale", steps=int(match[1]))
        if (match := re.fullmatch(r"replay:(\d+),(0?\.\d+)", text)) and int(match[1]) and float(match[2]):
            return cls(kind="replay", size=int(match[1]), fraction=float(match[2]))
        raise ValueError(
            f"{text!r} is no regime; give {GRAMMAR}, such as stale:16 or replay:2048,0.5; FRACTION is between 0 and 1"
        )

    def again(self, prompts: int) -> int:
        """Groups of a batch of ``prompts`` that are taken from the buffer."""
        return round(prompts * self.fraction)

    def __str__(self) -> str:
        match self.kind:
            case "stale":
                return f"stale:{self.steps}"
            case "replay":
                return f"replay:{self.size},{self.fraction}"
        return self.kind
