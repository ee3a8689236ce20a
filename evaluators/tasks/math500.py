"""MATH-500 (Lightman et al. 2023), the test split of ``math``, for models that were trained on something else."""

from dataclasses import replace
from pathlib import Path

from evaluators.tasks.math import MATH, answer_of, solution_of
from evaluators.tasks.published import QUESTION
from evaluators.types import Problem, Split

MATH_500 = replace(MATH, task="math500", train=None)


def build(split: Split, *, data: Path | None, prompt: str = QUESTION) -> list[Problem]:
    """The problems of ``math``'s test split, with the same ids, in the published order.

    Args:
        split: test; the others are empty, which is an error.
        data: where ``math500_test.jsonl`` is (fields as for ``math``): a folder, a pattern, or the file itself,
            which is then used completely; without ``data``, it comes from the Hugging Face hub.
        prompt: a text with ``{question}`` in it.
    """
    MATH_500.check_prompt(prompt)
    records = MATH_500.disjoint_records(split, data)
    return MATH_500.problems(records, split, data=data, prompt=prompt, answer=answer_of, solution=solution_of)
