# ruff: noqa: E501  tables of cases, a row a line
r"""Expected words, choices, times of day, dates, ratios and scores."""

import pytest

from tests.support.answers import cases, right, wrong

RIGHT = {
    "B": [
        *["B", "(B)", "b", "(b)", "B.", "B)", "[B]", "B. 12", "B) 12", "(B) 12", "B: 12", "(B): 12", r"\text{B}", r"\text{(B)}", r"\textbf{(B)}"],
        *[r"\textbf{(B) } 12", r"\textbf{(B)}\ 12", r"\mathbf{B}", r"(B)~12", r"\text{Option B}", "Option B", "option (B)", "Choice B", "choice: B"],
        *["The answer is B", "The answer is (B).", "Answer: B", "ANSWER: B", "The correct option is B", "The correct answer is (B)", "B is correct"],
        *["**B**", "B ", "Answer B", r"\mathrm{(B)}\ \frac12", r"\textbf{(B)}\ \frac{1}{2}", "B. The red one", "B - 12", "it is B"],
    ],
    r"\text{(B)}": ["B", "(B)", "b", r"\text{B}"],
    "A,C": ["C,A", "AC", "A, C", "A and C", "A & C", "(A),(C)", "(A) and (C)", "A C", "Options A and C", "A;C", r"\text{A and C}"],
    "AC": ["A,C", "A, C", "A and C", "AC"],
    "A, B, C": ["A, B, C", "A,B,C", "A, B, and C", "ABC"],
    r"\text{east}": ["east", "East", "EAST", r"\text{east}", r"\textbf{east}", "east.", "the east", '"east"', r"\mathrm{east}", r"\textit{East}"],
    "Tuesday": [r"\text{Tuesday}", "tuesday", "TUESDAY", "Tuesday.", "It is Tuesday", "on Tuesday", "The answer is Tuesday.", "**Tuesday**"],
    "ellipse": [r"\text{ellipse}", "an ellipse", "Ellipse", "the ellipse", "ellipse.", "an ellipse."],
    r"\text{even}": ["even", "Even", r"\text{Even}"],
    "True": ["true", "TRUE", r"\text{True}", "True."],
    "does not exist": ["DNE", "Does not exist"],
    "Yes": ["Yes, it is.", "yes", "Yes.", "YES"],
    "Fred": ["Fred", "fred", r"\text{Fred}", "It is Fred", "Fred."],
    "no solution": ["no solutions", "No solution", r"\text{no solution}", r"\emptyset", "There is no solution", "no solution exists", "∅", r"\varnothing"],
    r"\emptyset": [r"\varnothing", "∅", r"\{\}", "no solution", "empty set", "the empty set", r"\text{no solution}", "No solutions.", r"\{ \}", r"x \in \emptyset"],
    "two-thirds majority": ["two thirds majority", "Two-thirds majority"],
    "Alice and Bob": ["Bob and Alice", "Alice, Bob", "Alice & Bob"],
    "no real solutions": ["No real solution."],
    "red and blue": ["red and blue", "red, blue", r"\text{red and blue}", "Red and Blue"],
    "12:00": ["12:00", "12:00 PM", "12:00 p.m.", "12:00 pm"],
    "3:30 PM": ["15:30", "3:30 p.m.", "3:30pm", "3:30 PM.", r"3{:}30 \text{ p.m.}", "3:30 P.M.", "03:30 PM", r"3:30\text{ PM}", "at 3:30 PM"],
    "15:30": ["3:30 PM", "15:30", "15:30:00"],
    "2:15": ["2:15", "02:15", "2:15 pm", "2:15 a.m."],
    "5 PM": ["5:00 PM", "17:00", "5 p.m.", "5pm"],
    "12:00 PM": ["noon", "12:00", "12 pm"],
    "2:3": ["2 to 3", "2:3", "2 : 3", r"2\colon 3", "2: 3"],
    "1:2:3": ["1 : 2 : 3", "1:2:3", "1 to 2 to 3"],
    "2-1": ["2-1", "2–1", "2 - 1", "2 – 1", "2−1"],
    "2024-05-01": ["2024-05-01", "May 1, 2024", "1 May 2024", "2024–05–01"],
    r"\text{June 20}": ["June 20", "20 June", "June 20th", "june 20", "the 20th of June", "Jun 20", "Tuesday, June 20"],
}  # fmt: skip
WRONG = {
    "B": [
        "C",
        "(C)",
        "A",
        "E",
        "A or B",
        "B or C",
        "B and C",
        "B, C",
        "AB",
        "12",
        "not B",
        "B) C",
        "(B) or (C)",
        "B. C",
        "8",
        "Bob",
        "BB",
        "ABCD",
        "",
        "neither",
    ],
    "A,C": ["A", "C", "A,B", "A,B,C", "A or C or B", "AB", "A,C,D"],
    "A, B, C": ["C, B, A", "B, A, C", "A, B", "CBA"],
    "AC": ["CA", "A", "AB"],
    r"\text{east}": [
        r"\text{seat}",
        "west",
        "seat",
        "eats",
        "northeast",
        "not east",
        "east or west",
        "east and west",
        "e a s t x",
        "sea t",
    ],
    "north": ["thorn", "south", "nor th e"],
    "cat": ["act", "tac", "cats and dogs", "c a t s", "dog"],
    "car": ["arc", "rac"],
    "Tuesday": ["Thursday", "Monday", "Tuesday or Wednesday", "2", "not Tuesday", "Tuesday and Thursday", "yadseuT"],
    "Mary": ["Army", "Mary Ann", "Mary or Bob"],
    "Ron": ["Nor", "Ron and Tim"],
    "Tim": ["MIT", "Tim, Bob"],
    "Alice and Bob": ["Alice", "Bob", "Alice and Ben", "Alice or Bob"],
    "A first, then Bob": ["Bob first, then A"],
    "Fred": ["Fred and Bob", "Bob", "Fred, Bob", "Alfred"],
    "odd": ["even", "dod", "odd or even"],
    "True": ["False", "not true", "true or false", "1"],
    "Yes": ["No", "yes and no", "No, yes", "Yes or no", "yes, or no"],
    "parabola": ["ellipse", "hyperbola"],
    "post": ["stop", "spot"],
    "no solution": ["0", "solution", "infinitely many solutions", "x=0", "one solution", "unknown"],
    r"\emptyset": ["0", r"\{0\}", r"\{\emptyset\}", "1"],
    "12:00": ["1:00", "12", "12:01", "0", "12:30"],
    "3:30 PM": ["3:30 AM", "3:30", "15:31", "3", "330", "3:03 PM", "4:30 PM"],
    "2:15": ["2:45", "1:15", "2.15", "215", "2/15"],
    "15:30": ["3:30", "3:30 AM"],
    "2:3": ["3:2", "4:6", "2/3", "2:4", "5", "0.67", "2,3"],
    "1:2:3": ["1:2:4", "1:4:9", "1:2", "6", "1,2,3", "3:2:1"],
    "2-1": ["1", "1-2", "3-1", "2", "21", "2,1"],
    "3-1": ["2"],
    "2024-05-01": ["2024-05-02", "2018", "2024", "May 1", "5/1/2024"],
    r"\text{June 20}": ["June 21", "July 20", "June", "20", "20/6", "June 20, 2023"],
}


@pytest.mark.parametrize(("expected", "answer"), cases(RIGHT))
def test_right(expected: str, answer: str) -> None:
    right(expected, answer)


@pytest.mark.parametrize(("expected", "answer"), cases(WRONG))
def test_wrong(expected: str, answer: str) -> None:
    wrong(expected, answer)
