r"""For each kind of expected answer, what is accepted and what is refused: in words, and in code.

``docs/grading.md`` shows the words as a table. Whatever the kind, the expected text itself is accepted, and letters,
signs and spacing are those of ``notation``. What two careful people would dispute is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from evaluators.grading import wording
from evaluators.grading.formulas import Tree, parsed
from evaluators.grading.gold import Kind, with_unit
from evaluators.grading.notation import enclosed, squeeze, worded
from evaluators.grading.scalars import read_quantity, same_quantity, stated, ungrouped, without_lead
from evaluators.grading.structures import (
    is_name,
    items,
    matched,
    matrix_rows,
    read_region,
    same_region,
    sides,
    tuple_parts,
    value_side,
    without_name,
)
from evaluators.grading.units import Unit, in_base_units
from evaluators.grading.values import below, proportional, same, symbols


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Of one kind."""

    accepts: str
    refuses: str
    equal: Callable[[str, str], bool]
    """Of the expected and the given text, both plain."""


def _numbers(gold: str, answer: str) -> bool:
    mine, theirs = read_quantity(gold), stated(answer)
    return mine is not None and theirs is not None and same_quantity(mine, theirs)


def _quantities(gold: str, answer: str) -> bool:
    if _numbers(gold, answer):
        return True
    mine = read_quantity(gold)
    degrees = mine is not None and mine.unit == Unit(measures=(("degree", 1),))
    return degrees and r"\pi" in answer and "°" not in answer and _expressions(_in_radians(gold), answer)


def _in_radians(gold: str) -> str:
    quantity = read_quantity(gold)
    return gold if quantity is None else rf"({quantity.value})*\pi/180"


def _based(gold: str, answer: str) -> bool:
    mine = wording.based(gold)
    text = without_lead(answer)
    text = value_side(text, lambda other, last: wording.based(other) is not None) or text
    theirs = wording.based(text)
    if mine is None:
        return False
    return theirs == mine if theirs is not None else squeeze(ungrouped(worded(text))).lstrip("+") == mine[0]


def _times(gold: str, answer: str) -> bool:
    return wording.same_time(gold, without_lead(answer))


def _by(read: Callable[[str], object]) -> Callable[[str, str], bool]:
    def equal(gold: str, answer: str) -> bool:
        mine = read(gold)
        return mine is not None and mine == read(without_lead(answer))

    return equal


def _ratios(gold: str, answer: str) -> bool:
    side = value_side(without_lead(answer), lambda other, last: wording.ratio(other) == wording.ratio(last) is not None)
    parts = re.split(r"(?<=[A-Za-z])\s?=\s?", answer)
    return side is not None and len(parts) < 3 and wording.ratio(gold) == wording.ratio(side)


def _selections(gold: str, answer: str) -> bool:
    mine, theirs = wording.selection(gold), wording.selection(answer)
    if mine is None or theirs is None:
        return False
    ranking = list(mine) != sorted(mine) or len(mine) > 2 or any(re.search("[A-J]{2}", text) for text in (gold, answer))
    return mine == theirs if ranking else sorted(mine) == sorted(theirs)


def _nothing(gold: str, answer: str) -> bool:
    return wording.is_nothing(without_lead(answer))


def _texts(gold: str, answer: str) -> bool:
    return wording.words(gold) == wording.words(answer) != ""


def _expressions(gold: str, answer: str) -> bool:
    mine, my_unit = with_unit(gold)
    wanted = parsed(mine)
    answer, unit = with_unit(without_lead(answer))
    side = value_side(answer, _same_texts)
    given = parsed(_free(side)) if side is not None else None
    if given is None or wanted is None:
        return False
    if my_unit is None and unit is not None and unit.measures in ((("degree", 1),), (("radian", 1),)):
        given = ("mul", given, parsed("1°")) if unit.measures[0][0] == "degree" else given
    elif my_unit is not None and unit is not None and my_unit != unit:
        return False
    return same(wanted, given)


def _free(text: str) -> str:
    return ungrouped(re.sub(r"^\$|\$$", "", text))


def _same_texts(one: str, other: str) -> bool:
    a, b = parsed(one), parsed(with_unit(other)[0])
    return a is not None and b is not None and same(a, b)


def _items_agree(gold: str, answer: str) -> bool:
    mine, theirs = tuple_parts(gold), tuple_parts(answer)
    if mine is not None or theirs is not None:
        return mine is not None and theirs is not None and _in_order(mine, theirs)
    if _numbers(gold, answer):
        return True
    return _expressions(gold, answer) or (re.search("[A-Za-z]{3}", gold) is not None and _texts(gold, answer))


def _in_order(gold: list[str], answer: list[str]) -> bool:
    return len(gold) == len(answer) and all(_items_agree(a, b) for a, b in zip(gold, answer, strict=True))


def _tuples(gold: str, answer: str) -> bool:
    (name, gold), (other_name, answer) = _named_tuple(gold), _named_tuple(without_lead(answer))
    if name and other_name and name != other_name and "(" not in name + other_name:
        return False
    mine, theirs = tuple_parts(gold), tuple_parts(answer)
    if mine is None:
        return False
    if theirs is not None:
        return _in_order(mine, theirs)
    named = [without_name(part) for part in items(answer)]
    if len(named) == len(mine) and all(part_name for part_name, _ in named):
        ordered = sorted(named) if not name.startswith("(") else sorted(named, key=lambda part: name.find(part[0]))
        distinct = len({part_name for part_name, _ in named}) == len(named)
        return distinct and _in_order(mine, [value for _, value in ordered])
    ends = [parsed(part) for part in mine]
    if len(ends) != 2 or ends[0] is None or ends[1] is None or not below(ends[0], ends[1]):
        return False
    region, given = read_region(gold), read_region(answer)
    return region is not None and given is not None and same_region(region, given)


def _named_tuple(text: str) -> tuple[str, str]:
    name, rest = without_name(text)
    return (name, rest) if tuple_parts(rest) is not None else ("", text)


def _lists(gold: str, answer: str) -> bool:
    answer = without_lead(answer)
    mine, theirs = _members(gold), _members(answer)
    if mine is None or theirs is None:
        return False
    my_names, their_names = ({name for name, _ in part if name} for part in (mine, theirs))
    if my_names and their_names and len(my_names) == len(mine) > 1:
        return matched(mine, theirs, lambda a, b: a[0] == b[0] and _items_agree(a[1], b[1]))
    if len({re.split("[_(]", name)[0] for name in their_names}) > 1:
        return False
    return matched([value for _, value in mine], [value for _, value in theirs], _items_agree)


def _members(text: str) -> list[tuple[str, str]] | None:
    """Name, if there is one, and value of each."""
    name, rest = without_name(text)
    inside = enclosed(rest, r"\{")
    if inside is not None:
        return [(name, part) for part in items(inside)]
    brackets = enclosed(text, "[")
    if brackets is not None and len(items(brackets)) > 2:
        text = brackets
    parts = items(text)
    return [without_name(part) for part in parts] if parts else None


def _matrices(gold: str, answer: str) -> bool:
    mine, theirs = matrix_rows(without_name(gold)[1]), matrix_rows(without_name(answer)[1])
    if mine is None or theirs is None or [len(row) for row in mine] != [len(row) for row in theirs]:
        return False
    return all(_in_order(a, b) for a, b in zip(mine, theirs, strict=True))


def _regions(gold: str, answer: str) -> bool:
    mine, theirs = read_region(gold), read_region(without_lead(answer))
    return mine is not None and theirs is not None and same_region(mine, theirs)


def _equations(gold: str, answer: str) -> bool:
    answer = without_lead(answer)
    (left, right), given = sides(gold), sides(answer)
    named = is_name(left) and not symbols_of(left) & symbols_of(right)
    if len(given) != 2:
        return len(given) == 1 and named and _items_agree(right, answer)
    if named and squeeze(left) == squeeze(given[0]):
        return _items_agree(right, given[1])
    if named and squeeze(left) == squeeze(given[1]):
        return _items_agree(right, given[0])
    if named and not symbols_of(right):
        return False
    mine, theirs = _difference(left, right), _difference(*given)
    return mine is not None and theirs is not None and proportional(mine, theirs)


def symbols_of(text: str) -> frozenset[str]:
    """The variables of a plain text; none, if it is no formula."""
    tree = parsed(with_unit(text)[0])
    return symbols(tree) if tree is not None else frozenset()


def _difference(left: str, right: str) -> Tree | None:
    a, b = parsed(left), parsed(right)
    return None if a is None or b is None else ("add", a, ("neg", b))


def _never(gold: str, answer: str) -> bool:
    return False


POLICIES: dict[Kind, Policy] = {
    Kind.INTEGER: Policy(
        accepts=(
            "the number in digits (`1,234.00`, `10 000`, `-$5`, `１８`), in words, in scientific notation, with *thousand* or "
            "*k*; with any unit or thing counted; behind `x =` or `Total =`, or a computation that comes to it; `\\sqrt{4}`"
        ),
        refuses=(
            "a computation alone (`17+25`, `9*2`, `36/2`, `2^{10}`); `18%`, `18 dozen`, `18 in binary`, `18xy`, `18!`; "
            "`x > 18`, `2x = 18`, `17 = 18`; two numbers; anything rounded or hedged"
        ),
        equal=_numbers,
    ),
    Kind.DECIMAL: Policy(
        accepts=(
            "as for an integer; also the fraction in lowest terms and the mixed number. An expected `0.3333` (four places or "
            "more) is a rounded number: `1/3` is right; with ten places or more, so is a rounding to at least four"
        ),
        refuses="another rounding, `3.1416` for `3.14`; `2/4` for `0.5`; a percentage",
        equal=_numbers,
    ),
    Kind.FRACTION: Policy(
        accepts="the fraction, reduced or not; the mixed number; the decimal, if it ends or repeats, or has six places",
        refuses="`0.33` for `1/3`; computations such as `1/4+1/4`; a percentage; `-x = 1/2`",
        equal=_numbers,
    ),
    Kind.PERCENT: Policy(
        accepts="the number, with or without percent sign or word",
        refuses="the same share as a decimal or fraction, `0.18` for `18%`",
        equal=_numbers,
    ),
    Kind.QUANTITY: Policy(
        accepts=(
            "the number with the same unit, or another that comes to the same (`63 inches` for `5 feet 3 inches`, `\\pi/6` for "
            "`30^\\circ`); the number without unit, unless it is expected in two units"
        ),
        refuses="another unit (`5 m` for `5 cm`, `18 dollars` for `18 cents`, `30 radians` for `30^\\circ`); other things counted",
        equal=_quantities,
    ),
    Kind.BASED: Policy(
        accepts="the digits, with the same base or none; the base in digits or words",
        refuses="another base; the value in base ten",
        equal=_based,
    ),
    Kind.TIME: Policy(
        accepts="12 or 24 hours (`15:30` for `3:30 PM`); `noon`; a.m. and p.m. may be added where none is expected",
        refuses="an expected half of the day that is not said",
        equal=_times,
    ),
    Kind.DATE: Policy(
        accepts="`June 20`, `20 June`, `June 20th`, with a weekday; `2024-05-01` for `May 1, 2024`",
        refuses="a year added or left out; dates in digits with slashes, other than as expected",
        equal=_by(wording.date),
    ),
    Kind.RATIO: Policy(
        accepts="`2:3` and `2 to 3`", refuses="`4:6` and `2/3` for `2:3`; the value of the ratio", equal=_ratios
    ),
    Kind.SCORE: Policy(
        accepts="the same numbers in order, joined by any dash",
        refuses="the difference (`1` for `2-1`); any other code",
        equal=_by(wording.score),
    ),
    Kind.CHOICE: Policy(
        accepts="the letter: `B`, `(B)`, `b`, `B. 12`, `Option B`, *The answer is B*",
        refuses="two letters; what stands behind the letter, without it",
        equal=_by(wording.choice),
    ),
    Kind.CHOICES: Policy(
        accepts="the letters, with or without signs between them; of `A,C` also `C,A`",
        refuses="another order of three or more or of `C, A`, which may be a ranking; `CA` for `AC`",
        equal=_selections,
    ),
    Kind.NOTHING: Policy(
        accepts="`\\emptyset`, `\\{\\}`, *empty set*, *no solution(s)*",
        refuses="*none*, `0`, *no real solution*",
        equal=_nothing,
    ),
    Kind.TEXT: Policy(
        accepts="the words, in any letter case, with or without an article and quotes",
        refuses="other words, another order of letters or words, words added",
        equal=_texts,
    ),
    Kind.MATRIX: Policy(
        accepts="the same shape in round or square brackets, entry by entry",
        refuses="its transpose; a determinant; a tuple",
        equal=_matrices,
    ),
    Kind.INTERVAL: Policy(
        accepts="interval or inequality (`x < 3`, `(-\\infty, 3)`), unions in any order, `x \\in`; `\\mathbb{R}` in words",
        refuses="an open end for a closed one; another variable",
        equal=_regions,
    ),
    Kind.TUPLE: Policy(
        accepts="the parts in order, each as an item; `(x,y) =`; `x=1, y=2`; for two numbers `a < x < b`",
        refuses="other brackets, no brackets, another order",
        equal=_tuples,
    ),
    Kind.LIST: Policy(
        accepts="the items in any order, in braces or not, with commas, *and*, *or*, `x_1 =`; `\\pm` is two items",
        refuses="an item too few or too many; `x=3, y=5`, unless these names are expected; an ordered pair",
        equal=_lists,
    ),
    Kind.EQUATION: Policy(
        accepts="the same equation up to a constant factor; of `x = 5` or `y = 2x + 3`, the right side alone",
        refuses="the right side of any other; `2x = 10` for `x = 5`; `y = 5` for `x = 5`",
        equal=_equations,
    ),
    Kind.EXPRESSION: Policy(
        accepts="every form of the same value, whatever its variables are; behind a name or a chain of equal sides",
        refuses="decimals for roots and `\\pi`; another letter, case or index; words beside it that are no unit",
        equal=_expressions,
    ),
    Kind.FORMULA: Policy(
        accepts="the expected text alone, in any spacing",
        refuses="everything else: sums, integrals and other signs are not worked out",
        equal=_never,
    ),
}
