"""Answer formats: what a model reads, and what the grader then looks for."""

import re
from dataclasses import replace

import pytest

from evaluators.formats import FORMATS, OWN, AnswerFormat, Asking, solution
from evaluators.grading.grader import Grader
from evaluators.types import Framing, Problem, Split, Verdict

PROBLEM = Problem(
    id="p",
    prompt="Q: Tom has 9 + 9 cups. How many?",
    question="Tom has 9 + 9 cups. How many?",
    answer="18",
    split=Split.TRAIN,
    solution="He has 9 + 9 = 18 cups.",
)
EXAMPLE = Problem(id="e", prompt="What is 2 + 3?", answer="5", split=Split.TRAIN, solution="2 + 3 = 5.")


def name_of(form: AnswerFormat) -> str:
    return form.name


NAMED = [form for form in FORMATS.values() if form.name != OWN]


@pytest.mark.parametrize("form", FORMATS.values(), ids=name_of)
def test_an_answer_in_the_form_asked_for_is_right_by_the_strict_reading(form: AnswerFormat) -> None:
    """The grader accepts what a solved example shows."""
    with Grader() as grader:
        (grade,) = grader.grade([(PROBLEM.answer, solution(PROBLEM, form))], marker=form.marker)
    assert grade.strict is Verdict.CORRECT


@pytest.mark.parametrize("form", NAMED, ids=name_of)
@pytest.mark.parametrize("other", NAMED, ids=name_of)
def test_an_answer_in_another_form_is_right_by_the_lenient_reading(form: AnswerFormat, other: AnswerFormat) -> None:
    with Grader() as grader:
        (grade,) = grader.grade([(PROBLEM.answer, solution(PROBLEM, other))], marker=form.marker)
    assert grade.lenient is Verdict.CORRECT
    assert (grade.strict is Verdict.CORRECT) == (form.marker is other.marker)


@pytest.mark.parametrize("form", NAMED, ids=name_of)
def test_a_prompt_shows_no_placeholder_that_a_model_could_copy(form: AnswerFormat) -> None:
    assert not re.search(r"<\w|\[\w|\d", form.instruction)


def test_a_chat_is_asked_the_question_first_and_without_a_stop_string() -> None:
    asking = Asking(form=FORMATS["boxed"], chat=True)
    posed = asking.pose(PROBLEM)
    assert posed.prompt == f"{PROBLEM.question}\n\n{FORMATS['boxed'].instruction}"
    assert (posed.question, posed.solution, posed.framing) == (PROBLEM.question, "", Framing())
    assert asking.stop == ()


def test_a_base_model_continues_a_text_that_ends_where_the_next_problem_would_begin() -> None:
    asking = Asking(form=FORMATS["hash"], chat=False, examples=(EXAMPLE,))
    instruction = FORMATS["hash"].instruction
    assert asking.pose(PROBLEM).prompt == (
        f"{instruction}\n\nProblem: What is 2 + 3?\nSolution: 2 + 3 = 5.\n#### 5\n\n"
        f"Problem: {PROBLEM.question}\nSolution:"
    )
    (stop,) = asking.stop
    assert asking.pose(PROBLEM).prompt.count(stop) == 2


def test_examples_are_turns_of_a_chat_or_text() -> None:
    asking = Asking(form=FORMATS["boxed"], chat=True, examples=(EXAMPLE,), turns=True, system="Be kind.", prefill="So")
    posed = asking.pose(PROBLEM)
    question = f"What is 2 + 3?\n\n{FORMATS['boxed'].instruction}"
    assert posed.framing == Framing(
        system="Be kind.",
        examples=((question, "2 + 3 = 5.\nThe final answer is \\boxed{5}."),),
        prefill="So",
    )
    assert posed.prompt == Asking(form=FORMATS["boxed"], chat=True).pose(PROBLEM).prompt
    text = replace(asking, turns=False).pose(PROBLEM)
    assert text.framing.examples == () and text.prompt.startswith(question) and text.prompt.endswith(posed.prompt)


def test_ones_own_prompt_stays_as_it_is() -> None:
    asking = Asking(form=FORMATS[OWN], chat=False)
    assert asking.pose(PROBLEM) == replace(PROBLEM, solution="", framing=Framing(chat=False))
    assert asking.stop == ()


def test_a_problems_own_system_message_stays_unless_the_task_sets_one() -> None:
    problem = replace(PROBLEM, framing=Framing(system="You are a teacher."))
    asking = Asking(form=FORMATS["boxed"], chat=True)
    assert asking.pose(problem).framing.system == "You are a teacher."
    assert replace(asking, system="").pose(problem).framing.system == ""
