"""SVAMP (Patel et al. 2021): word problems of one or two steps, varied so that one must read the whole question."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

from evaluators.tasks.published import QUESTION, HubSet, Part, Published
from evaluators.tasks.records import Record, choose, make_problem
from evaluators.tasks.renumbered import calculated, renumbered
from evaluators.types import Problem, Split, TaskError

NOT_CALCULATIONS = (ValueError, SyntaxError, ArithmeticError)
"""What is raised if an equation cannot be calculated."""
HUB_ID = "ChilleD/SVAMP"
NUMBERS = ("published", "changed")
SVAMP = Published(
    task="svamp",
    question=("Body", "Question"),
    train=Part(file="svamp_train.jsonl", hub=(HubSet(hub_id=HUB_ID, split="train"),)),
    test=Part(file="svamp_test.jsonl", hub=(HubSet(hub_id=HUB_ID, split="test"),)),
)


def build(
    split: Split, *, data: Path | None, whole: bool = False, prompt: str = QUESTION, numbers: str = "published"
) -> list[Problem]:
    """The problems of ``split``, in the published order.

    The hub has 700 problems in train and 300 in test; the authors' file has all 1000. A problem of the test split is
    never in train or validation, wherever the data comes from.

    Args:
        data: where ``svamp_test.jsonl`` and, to train, ``svamp_train.jsonl`` are (fields ``Body``, ``Question``
            and ``Answer``, a number): a folder, or a pattern; without it, they come from the Hugging Face hub.
            Validation is a fixed 5 % of train, by a hash of the question. A single file has all splits, by its
            column ``split`` or else by the same hash: 80 % train, 10 % validation, 10 % test.
        whole: return all of a single file without such a column as test problems, and nothing of other data.
        prompt: a text with ``{question}`` in it.
        numbers: ``published``, or ``changed``: the same problems with other numbers, as far as that is possible. A
            model that remembers published answers fails on these. Each stays in the split of its original. This needs
            the field ``Equation``.

    The worked solution of a problem, for solved examples in prompts, is its ``Equation`` and the answer. It is empty
    if this field is missing, or is not a calculation of the answer.
    """
    SVAMP.check_prompt(prompt)
    if numbers not in NUMBERS:
        raise TaskError(f"the task svamp has numbers={numbers!r}; give {' or '.join(NUMBERS)}")
    records = SVAMP.disjoint_records(split, data)
    problems = SVAMP.problems(records, split, data=data, prompt=prompt, answer=_answer, solution=_solution, whole=whole)
    if numbers == "published" or not problems:
        return problems
    origins = {SVAMP.question_of(record): record for record in records}
    changed = [_with_other_numbers(origins[problem.question], problem, prompt) for problem in problems]
    return choose([problem for problem in changed if problem], split, f"svamp with numbers={numbers}", "add lines")


def _with_other_numbers(record: Record, problem: Problem, prompt: str) -> Problem | None:
    """None if no other numbers fit."""
    equation = record.text("Equation")
    try:
        found = renumbered(problem.question, equation)
    except NOT_CALCULATIONS as error:
        raise TaskError(f"{record.place}: 'Equation' is no calculation ({error}); fix the line") from None
    if found is None:
        return None
    return make_problem(
        record,
        prompt=prompt.replace("{question}", found.question),
        content=found.question,
        answer=str(found.answer),
        solution=f"{found.calculation} = {found.answer}",
        split=problem.split,
    )


def _solution(record: Record) -> str:
    """The calculation, such as ``290 / 2 = 145``; empty if there is none that gives the answer."""
    answer = _answer(record)
    try:
        calculation, value = calculated(str(record.value("Equation"))) if record.has("Equation") else ("", None)
    except NOT_CALCULATIONS:
        return ""
    return f"{calculation} = {answer}" if value == Fraction(answer) else ""


def _answer(record: Record) -> str:
    """The answer without the ``.0`` that all published answers have."""
    text = record.text("Answer")
    try:
        value = Decimal(text)
        return str(int(value)) if value == int(value) else str(value)
    except (InvalidOperation, OverflowError, ValueError):
        raise TaskError(f"{record.place}: 'Answer' is {text[:40]!r}, not a number; fix the line") from None
