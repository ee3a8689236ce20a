r"""The policy for each kind of expected answer: what is accepted and what is refused, in words and in code.

``docs/grading.md`` shows the words as a table. For every kind, the expected text itself is accepted, and letters, signs
and spacing are normalised by ``notation``. An answer is refused if two careful people could disagree about it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.grading import wording
from evaluators.grading.equality import (
    alike,
    based_numerals,
    empty_sets,
    equations,
    expressions,
    lists,
    matrices,
    nothing_else,
    numbers,
    quantities,
    ratios,
    regions,
    selections,
    texts,
    times,
    tuples,
)
from evaluators.grading.gold import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy of one kind."""

    accepts: str
    refuses: str
    equal: Callable[[str, str], bool]
    """Compares the expected and the given text, which are both plain."""


POLICIES: dict[Kind, Policy] = {
    Kind.INTEGER: Policy(
        accepts=(
            "the number in digits (`1,234.00`, `10 000`, `-$5`, `１８`), in words, in scientific notation, with "
            "*thousand* or *k*; with any unit or counted thing; after `x =`, `Total =` or a computation "
            "with this result; `\\sqrt{4}`"
        ),
        refuses=(
            "a computation alone (`17+25`, `9*2`, `36/2`, `2^{10}`); `18%`, `18 dozen`, `18 in binary`, `18xy`, `18!`; "
            "`x > 18`, `2x = 18`, `17 = 18`; two numbers; anything rounded or hedged"
        ),
        equal=numbers,
    ),
    Kind.DECIMAL: Policy(
        accepts=(
            "as for an integer; also the fraction in lowest terms and the mixed number. For four places or more, such "
            "as `0.3333`, also a fraction that rounds to it (`1/3`); for ten places or more, also a rounding to two "
            "places or more with two digits; another form after *or* (`2.4 or 12/5`)"
        ),
        refuses="another rounding, `3.1416` for `3.14`; `2/4` for `0.5`; a percentage",
        equal=numbers,
    ),
    Kind.FRACTION: Policy(
        accepts=(
            "the fraction, reduced or not; the mixed number; the decimal, if it ends or repeats, or has six places; "
            "another form after *or* (`3/8 or 0.375`)"
        ),
        refuses="`0.33` for `1/3`; computations such as `1/4+1/4`; a percentage; `-x = 1/2`",
        equal=numbers,
    ),
    Kind.PERCENT: Policy(
        accepts="the number, with or without percent sign or word",
        refuses="the same share as a decimal or fraction, `0.18` for `18%`",
        equal=numbers,
    ),
    Kind.QUANTITY: Policy(
        accepts=(
            "the number with the same unit, or the same quantity in another unit (`63 inches` for `5 feet 3 inches`, "
            "`\\pi/6` for `30^\\circ`); the number without a unit, unless two units are expected"
        ),
        refuses=(
            "another unit (`5 m` for `5 cm`, `18 dollars` for `18 cents`, `30 radians` for `30^\\circ`); "
            "other counted things"
        ),
        equal=quantities,
    ),
    Kind.BASED: Policy(
        accepts="the digits, with the same base or none; the base in digits or words",
        refuses="another base; the value in base ten",
        equal=based_numerals,
    ),
    Kind.TIME: Policy(
        accepts="12 or 24 hours (`15:30` for `3:30 PM`); `noon`; a.m. or p.m. may be added if none is expected",
        refuses="the time without a.m. or p.m. if one is expected",
        equal=times,
    ),
    Kind.DATE: Policy(
        accepts="`June 20`, `20 June`, `June 20th`, with a weekday; `2024-05-01` for `May 1, 2024`",
        refuses="a year added or left out; dates in digits with slashes, other than as expected",
        equal=alike(wording.date),
    ),
    Kind.RATIO: Policy(
        accepts="`2:3` and `2 to 3`", refuses="`4:6` and `2/3` for `2:3`; the value of the ratio", equal=ratios
    ),
    Kind.SCORE: Policy(
        accepts="the same numbers in order, joined by any dash",
        refuses="the difference (`1` for `2-1`); any other code",
        equal=alike(wording.score),
    ),
    Kind.CHOICE: Policy(
        accepts="the letter: `B`, `(B)`, `b`, `B. 12`, `Option B`, *The answer is B*",
        refuses="two letters; the text of the choice without its letter",
        equal=alike(wording.choice),
    ),
    Kind.CHOICES: Policy(
        accepts="the letters, with or without signs between them; of `A,C` also `C,A`",
        refuses="another order of three or more or of `C, A`, which may be a ranking; `CA` for `AC`",
        equal=selections,
    ),
    Kind.NOTHING: Policy(
        accepts="`\\emptyset`, `\\{\\}`, *empty set*, *no solution(s)*, *none*",
        refuses="`0`, *no real solution*",
        equal=empty_sets,
    ),
    Kind.TEXT: Policy(
        accepts=(
            "the words, in any letter case, with or without an article and quotes; two words, or words joined by "
            "*and*, in any order"
        ),
        refuses="other words, another order of letters or words, words added",
        equal=texts,
    ),
    Kind.MATRIX: Policy(
        accepts="the same shape in round or square brackets, entry by entry; a number before it multiplies each entry",
        refuses="its transpose; a determinant; a tuple",
        equal=matrices,
    ),
    Kind.INTERVAL: Policy(
        accepts=(
            "interval or inequality (`x < 3`, `(-\\infty, 3)`), unions in any order; all real numbers without an "
            "interval or some numbers (`\\mathbb{R}\\setminus[2,3]`, `x \\ne 0`); `\\mathbb{R}` in words"
        ),
        refuses="an open end for a closed one; another variable",
        equal=regions,
    ),
    Kind.TUPLE: Policy(
        accepts=(
            "the parts in order, each as an item; `(x,y) =`; `x=1, y=2`; for two numbers `a < x < b`; a system of "
            "equations that states each part"
        ),
        refuses="other brackets, no brackets, another order",
        equal=tuples,
    ),
    Kind.LIST: Policy(
        accepts="the items in any order, in braces or not, with commas, *and*, *or*, `x_1 =`; `\\pm` is two items",
        refuses="missing or additional items; `x=3, y=5`, unless these names are expected; an ordered pair",
        equal=lists,
    ),
    Kind.EQUATION: Policy(
        accepts="the same equation up to a constant factor; of `x = 5` or `y = 2x + 3`, the right side alone",
        refuses="the right side of any other, and of `A = B`; `2x = 10` for `x = 5`; `y = 5` for `x = 5`",
        equal=equations,
    ),
    Kind.EXPRESSION: Policy(
        accepts=(
            "every form with the same value for all variables; after a name or a chain of equations; for roots and "
            "`\\pi` a decimal of six places"
        ),
        refuses="a shorter decimal, `3.1416`; another letter, case or index; additional words that are not a unit",
        equal=expressions,
    ),
    Kind.FORMULA: Policy(
        accepts="the expected text alone, in any spacing",
        refuses="everything else: sums, integrals and other operators are not evaluated",
        equal=nothing_else,
    ),
}
