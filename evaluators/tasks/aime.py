"""AIME 2024 and 2025, all of it held out: 60 competition problems whose answers are integers from 0 to 999."""

import re
from pathlib import Path

from evaluators.tasks.published import QUESTION, HubSet, Part, Published
from evaluators.tasks.records import Record
from evaluators.types import Problem, Split, TaskError

AIME = Published(
    task="aime",
    question=("problem",),
    train=None,
    test=Part(
        file="aime.jsonl",
        hub=(
            HubSet(hub_id="HuggingFaceH4/aime_2024", split="train"),
            # opencompass/AIME2025 has the same problems under other field names.
            HubSet(hub_id="math-ai/aime25", split="test"),
        ),
    ),
)


def build(split: Split, *, data: Path | None, prompt: str = QUESTION) -> list[Problem]:
    """The problems, 2024 before 2025.

    Args:
        split: test; the others are empty, which is an error.
        data: where ``aime.jsonl`` is (fields ``problem`` and ``answer``): a folder, a pattern, or the file
            itself; without it, both years come from the Hugging Face hub. The hub ids are from its documentation
            and have not been tested.
        prompt: a text with ``{question}`` in it.
    """
    AIME.check_prompt(prompt)
    records = AIME.disjoint_records(split, data)
    return AIME.problems(records, split, data=data, prompt=prompt, answer=_answer)


def _answer(record: Record) -> str:
    """The answer without leading zeros."""
    text = record.text("answer").strip()
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise TaskError(f"{record.place}: 'answer' is {text[:40]!r}, not an integer from 0 to 999; fix the line")
    return str(int(text))
