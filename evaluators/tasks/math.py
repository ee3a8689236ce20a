r"""MATH (Hendrycks et al. 2021): competition mathematics, with answers in LaTeX.

The test split is MATH-500, the only part that is still held out: PRM800K moved the other 4,500 test problems into the
train set, and models were trained on them. The train split is the rest, 12,000 problems without duplicates.
"""

from pathlib import Path

from evaluators.grading.extraction import last_box
from evaluators.tasks.published import QUESTION, HubSet, Part, Published
from evaluators.tasks.records import Record
from evaluators.types import Problem, Split, TaskError

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
MATH = Published(
    task="math",
    question=("problem",),
    train=Part(
        file="math_train.jsonl",
        hub=(HubSet(hub_id="EleutherAI/hendrycks_math", configs=SUBJECTS, split="train+test"),),
    ),
    test=Part(file="math500_test.jsonl", hub=(HubSet(hub_id="HuggingFaceH4/MATH-500", split="test"),)),
)


def build(split: Split, *, data: Path | None, whole: bool = False, prompt: str = QUESTION) -> list[Problem]:
    r"""The problems of ``split``, in the published order.

    Questions are the same if they only differ in whitespace. Of several problems with the same question, the first is
    used. A problem of MATH-500 is never in train or validation, wherever the data comes from.

    Args:
        data: where ``math_train.jsonl`` and ``math500_test.jsonl`` are (fields ``problem``, and ``answer`` or a
            ``solution`` whose last ``\boxed{}`` is the answer): a folder, or a pattern; without it, they come
            from the Hugging Face hub. Validation is a fixed 5 % of train, by a hash of the question. A single file
            has all splits, by its column ``split`` or else by the same hash: 80 % train, 10 % validation, 10 % test.
        whole: return all of a single file without such a column as test problems, and nothing of other data.
        prompt: a text with ``{question}`` in it.
    """
    MATH.check_prompt(prompt)
    records = MATH.disjoint_records(split, data)
    return MATH.problems(records, split, data=data, prompt=prompt, answer=answer_of, solution=solution_of, whole=whole)


def answer_of(record: Record) -> str:
    """The field ``answer`` or, without it, the content of the last box of ``solution``."""
    if "answer" in record.fields:
        return record.text("answer").strip()
    answer = last_box(record.text("solution"))
    if answer is None:
        raise TaskError(f"{record.place}: 'solution' has no answer in a \\boxed{{}}; fix the line or add an 'answer'")
    return answer


def solution_of(record: Record) -> str:
    """The published solution without the box around its answer; empty if there is no solution."""
    worked = record.fields.get("solution")
    return worked.replace(r"\boxed", "").strip() if isinstance(worked, str) else ""
