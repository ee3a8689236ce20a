"""Problems that reasoning-gym scores in the grading processes."""

import json
from typing import Any

from evaluators.types import Rubric

Item = tuple[str | Rubric, str]


def countdown(numbers: list[int], target: int) -> Rubric:
    return rubric("countdown", {"question": "?", "metadata": {"numbers": numbers, "target": target}})


def rubric(generator: str, entry: dict[str, Any]) -> Rubric:
    given = {"config": {}, "entry": entry | {"answer": ""}}
    return Rubric(scorer=f"reasoning_gym:{generator}", entry=json.dumps(given))


def fresh(n: int) -> Item:
    """A correct answer that no other ``n`` has, so that none is found in the cache."""
    return (countdown([n, 7], 7 * n), f"#### {n}*7")


RIGHT, WRONG = (countdown([3, 7], 21), "#### 3*7"), (countdown([3, 7], 21), "#### 3+7")
BOMB = (countdown([3, 7], 21), "#### 9**9**9")
"""One operation without end, which only a signal of the kernel can end."""
SLOW = (countdown([3, 7], 21), "#### 7**7**8")
"""Takes two seconds."""
INTERRUPTED = (countdown([3, 7], 21), "#### " + "*".join(f"(9**{900 + n}+7)**(1/7)" for n in range(12)))
"""Many operations, which take many seconds. It can be interrupted between them."""
