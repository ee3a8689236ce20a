"""Word problems with other numbers: the same problem, another answer."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from evaluators.tasks import load_problems
from evaluators.tasks.renumbered import calculated, renumbered
from evaluators.types import Split, TaskError

CASES: list[tuple[str, str, Callable[..., int]]] = [
    ("Ann has 12 pears and eats 5. How many are left?", "( 12.0 - 5.0 )", lambda a, b: a - b),
    ("There are 290 pears in 2 groups. How big is a group?", "( 290.0 / 2.0 )", lambda a, b: a // b),
    ("A box has 6 rows of 14 eggs.", "( 6.0 * 14.0 )", lambda a, b: a * b),
    ("He paid 9 and got 30.", "( 30.0 - 9.0 )", lambda a, b: b - a),
    ("She ran 4 and then 4 again. Why 7?", "( ( 4.0 + 4.0 ) + 7.0 )", lambda a, b, c: a + b + c),
]


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


@pytest.mark.parametrize(("question", "equation", "answer"), CASES)
def test_the_new_answer_is_that_of_the_new_question(question: str, equation: str, answer: Callable[..., int]) -> None:
    found = renumbered(question, equation)
    assert found
    old, new = numbers(question), numbers(found.question)
    assert found.answer == answer(*new) > 0
    assert found.answer != answer(*old)
    assert eval(found.calculation) == found.answer and ".0" not in found.calculation
    if "/" in equation:
        assert new[0] % new[1] == 0
    assert re.sub(r"\d+", "#", found.question) == re.sub(r"\d+", "#", question)
    assert all(a != b for a, b in zip(old, new, strict=True))
    pairs = [(i, j) for i in range(len(old)) for j in range(len(old))]
    assert all((old[i] < old[j]) == (new[i] < new[j]) for i, j in pairs)
    assert renumbered(question, equation) == found


def test_zero_and_one_stay() -> None:
    found = renumbered("He has 1 pear and buys 20. She has 0.", "( 1.0 + 20.0 )")
    assert found
    one, many, none = numbers(found.question)
    assert (one, none) == (1, 0)
    assert found.answer == 1 + many != 21


@pytest.mark.parametrize(
    ("question", "equation"),
    [
        ("He has 1 pear and buys 1.", "( 1.0 + 1.0 )"),  # nothing may change
        ("Nobody has any.", "( 3.0 + 4.0 )"),
        ("He has 5 of 5.", "( 5.0 - 5.0 )"),  # the answer cannot be positive
    ],
)
def test_without_a_fitting_change_there_is_none(question: str, equation: str) -> None:
    assert renumbered(question, equation) is None


@pytest.mark.parametrize("equation", ["2 ** 3", "abs(3)", "x + 1", "'a' + 'b'", "-3"])
def test_only_calculations_are_read(equation: str) -> None:
    with pytest.raises(ValueError, match="not a calculation"):
        renumbered("He has 5 pears.", equation)


def written(folder: Path, *equations: str | None) -> Path:
    rows = []
    for n, equation in enumerate(equations, 10):
        row = {"Body": f"Ann has {n} pears and eats {n - 4}.", "Question": "How many are left?", "Answer": 4.0}
        rows.append(row if equation is None else row | {"Equation": equation.format(n=n, m=n - 4)})
    (folder / "svamp_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "svamp_test.jsonl"


def test_each_problem_stays_in_the_split_of_its_original(tmp_path: Path) -> None:
    """Otherwise a model would be trained on the originals of its test problems."""
    data = written(tmp_path, *["( {n}.0 - {m}.0 )"] * 60)
    for split in Split:
        old, new = (load_problems("svamp", split, data=data, numbers=numbers) for numbers in ("published", "changed"))
        assert len(old) == len(new)
        assert not {problem.id for problem in old} & {problem.id for problem in new}
        for one in new:
            ate, left = numbers_of_pears(one.question)
            assert one.solution == f"{ate + left} - {ate} = {left}"
            assert int(one.answer) == left
            assert one.split is split
            assert ate > 0


def numbers_of_pears(question: str) -> tuple[int, int]:
    had, ate = numbers(question)
    return ate, had - ate


@pytest.mark.parametrize(
    ("equations", "option", "words"),
    [
        (["( {n}.0 - {m}.0 )"], "other", "numbers='other'; give published or changed"),
        ([None], "changed", "no field 'Equation'"),
        (["{n} apples"], "changed", "'Equation' is no calculation"),
    ],
)
def test_wrong_data_and_options_are_refused(
    equations: list[str | None], option: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(TaskError, match=words):
        load_problems("svamp", Split.TEST, data=written(tmp_path, *equations).parent, numbers=option)


def test_nearly_all_published_problems_can_be_changed(data_dir: Path) -> None:
    if not (data_dir / "svamp_test.jsonl").is_file():
        pytest.skip(f"no svamp_test.jsonl in {data_dir}")
    old, new = (load_problems("svamp", Split.TEST, data=data_dir, numbers=given) for given in ("published", "changed"))
    assert 990 < len(new) < len(old) == 1000


@pytest.mark.parametrize(
    ("equation", "text", "value"),
    [
        ("( 290.0 / 2.0 )", "290 / 2", 145),
        ("( ( 4.0 + 4.0 ) * 7.0 )", "(4 + 4) * 7", 56),
        ("( 10.0 - ( 3.0 - 1.0 ) )", "10 - (3 - 1)", 8),
        ("( 1.5 + 2.0 )", "1.5 + 2", Fraction(7, 2)),
        ("8", "8", 8),
    ],
)
def test_a_calculation_as_people_write_it(equation: str, text: str, value: Fraction) -> None:
    assert calculated(equation) == (text, value)
