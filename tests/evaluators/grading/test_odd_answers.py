r"""An answer of any characters gets a verdict, and a part that the parser hides still counts."""

import random
from itertools import combinations

from evaluators.grading.comparison import canonical, decide

PIECES = [
    *(r"\sqrt", r"\frac", r"\binom", r"\log_", r"\bar", r"\vec{a}", r"\text{m}", "dy/dx", "f(", "x", "x²", "½"),
    *(
        "2.25",
        ".5",
        "12",
        "1,000",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "^",
        "_",
        "+",
        "-",
        "=",
        ",",
        "%",
        "!",
        "|",
        " ",
        "\\",
    ),
    *("\0", "\0\1"),
]
GOLDS = ("18", "2.5", r"\frac{3}{4}", "x^2+1", "(1,2)", "18 cm", "50%", "x=3")


def test_no_answer_raises_an_error() -> None:
    r"""``\sqrt2.25`` once did: the parser took the point for a number."""
    rng = random.Random(0)
    for _ in range(1500):
        answer = "".join(rng.choices(PIECES, k=rng.randint(1, 7)))
        canonical(answer)
        for gold in GOLDS:
            decide(gold, answer)


def test_symbols_inside_of_others_count() -> None:
    """Accents and derivatives are hidden before the functions of them are."""
    inner = [rf"\{accent}{{{letter}}}" for accent in ("bar", "vec", "hat", "dot") for letter in "AB"]
    inner += [r"\frac{dy}{dx}", r"\frac{dx}{dy}", "dx/dt"]
    shapes = ["P({})", "1-P({})", "g'({})", r"\frac{{1}}{{P({})}}"]
    names = [shape.format(symbol) for shape in shapes for symbol in inner]
    assert [pair for pair in combinations(names, 2) if decide(*pair)] == []
    assert all(decide(name, name) for name in names)
    assert decide(r"f(\vec{a})+\vec{b}", r"\vec{b}+f(\vec{a})")
