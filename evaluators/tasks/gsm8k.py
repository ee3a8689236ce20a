"""GSM8K: grade school mathematics in words, with integer answers."""

import re
from pathlib import Path

from evaluators.tasks.published import QUESTION, HubSet, Part, Published
from evaluators.tasks.records import Record, refuse_duplicates
from evaluators.types import Problem, Split, TaskError

HUB_ID, CONFIGS = "openai/gsm8k", ("main",)
GSM8K = Published(
    task="gsm8k",
    question=("question",),
    train=Part(file="gsm8k_train.jsonl", hub=(HubSet(hub_id=HUB_ID, configs=CONFIGS, split="train"),)),
    test=Part(file="gsm8k_test.jsonl", hub=(HubSet(hub_id=HUB_ID, configs=CONFIGS, split="test"),)),
)

_CALCULATOR = re.compile(r"<<[^<>]*>>")


def build(split: Split, *, data: Path | None, whole: bool = False, prompt: str = QUESTION) -> list[Problem]:
    """The problems of ``split``, in the published order.

    Args:
        data: where ``gsm8k_train.jsonl`` and ``gsm8k_test.jsonl`` are (fields ``question`` and ``answer``): a
            folder, or a pattern such as ``data/gsm8k_*.jsonl``; without it, they come from the Hugging Face
            hub. Validation is a fixed 5 % of train, by a hash of the question. A single file has all
            splits, by its column ``split`` or else by the same hash: 80 % train, 10 % validation, 10 % test.
        whole: return all of a single file without such a column as test problems, and nothing of other data.
        prompt: a text with ``{question}`` in it.
    """
    GSM8K.check_prompt(prompt)
    records = GSM8K.records(split, data)
    refuse_duplicates(records, [record.text("question") for record in records], "question")
    return GSM8K.problems(records, split, data=data, prompt=prompt, answer=_answer, solution=_solution, whole=whole)


def _answer(record: Record) -> str:
    _, marker, answer = record.text("answer").rpartition("####")
    if not marker or not answer.strip():
        raise TaskError(
            f"{record.place}: 'answer' has no \"#### <answer>\" at its end; fix the line, or for your own data "
            "pass --task 'jsonl:prompt=question'"
        )
    return answer.strip().replace(",", "")


def _solution(record: Record) -> str:
    """The solution without calculator annotations such as ``<<48/2=24>>``."""
    return _CALCULATOR.sub("", record.text("answer").rpartition("####")[0]).strip()
