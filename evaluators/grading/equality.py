r"""Equality within one kind: each function takes the expected and the given text, both plain.

``policies`` describes what each one accepts and refuses.
"""

import re
from collections.abc import Callable

from evaluators.grading import wording
from evaluators.grading.formulas import Tree, parsed
from evaluators.grading.gold import with_unit
from evaluators.grading.notation import enclosed, squeeze, ungrouped, worded
from evaluators.grading.numerals import read_numeral
from evaluators.grading.regions import read_region, same_region
from evaluators.grading.scalars import read_quantity, same_quantity, stated, without_lead
from evaluators.grading.structures import (
    alternatives,
    is_name,
    items,
    matched,
    scaled_rows,
    sides,
    tuple_parts,
    value_side,
    without_name,
)
from evaluators.grading.units import Unit
from evaluators.grading.values import below, near, proportional, same, symbols

_WORDS = re.compile(r"(?=.*[A-Za-z]{3})[A-Za-z0-9][A-Za-z0-9' .-]*")
_TRUTHS = frozenset(["yes", "no", "true", "false"])
"""Words whose order matters."""


def numbers(gold: str, answer: str) -> bool:
    r"""Compare numbers. Two accepted spellings may be joined by *or*: ``\frac38 or 0.375``."""
    mine, spellings = read_quantity(gold), alternatives(answer)
    given = [stated(one) for one in spellings]
    return mine is not None and all(one is not None and same_quantity(mine, one) for one in given)


def quantities(gold: str, answer: str) -> bool:
    if numbers(gold, answer):
        return True
    mine = read_quantity(gold)
    degrees = mine is not None and mine.unit == Unit(measures=(("degree", 1),))
    return degrees and r"\pi" in answer and "°" not in answer and expressions(_in_radians(gold), answer)


def _in_radians(gold: str) -> str:
    quantity = read_quantity(gold)
    return gold if quantity is None else rf"({quantity.value})*\pi/180"


def based_numerals(gold: str, answer: str) -> bool:
    mine = wording.based(gold)
    text = without_lead(answer)
    text = value_side(text, lambda other, last: wording.based(other) is not None) or text
    theirs = wording.based(text)
    if mine is None:
        return False
    return theirs == mine if theirs is not None else squeeze(ungrouped(worded(text))).lstrip("+") == mine[0]


def times(gold: str, answer: str) -> bool:
    return wording.same_time(gold, without_lead(answer))


def alike(read: Callable[[str], object]) -> Callable[[str, str], bool]:
    def equal(gold: str, answer: str) -> bool:
        mine = read(gold)
        return mine is not None and mine == read(without_lead(answer))

    return equal


def ratios(gold: str, answer: str) -> bool:
    mine, answer = wording.ratio(gold), without_lead(answer)
    return mine is not None and mine in (wording.ratio(answer), wording.ratio(value_side(answer, _never_agree) or ""))


def _never_agree(other: str, last: str) -> bool:
    return False


def selections(gold: str, answer: str) -> bool:
    mine, theirs = wording.selection(gold), wording.selection(answer)
    if mine is None or theirs is None:
        return False
    ranking = list(mine) != sorted(mine) or len(mine) > 2 or any(re.search("[A-J]{2}", text) for text in (gold, answer))
    return mine == theirs if ranking else sorted(mine) == sorted(theirs)


def empty_sets(gold: str, answer: str) -> bool:
    return wording.is_nothing(without_lead(answer))


def texts(gold: str, answer: str) -> bool:
    mine, theirs = wording.words(gold), wording.words(answer)
    parts = mine.split(" , ")
    if (
        (re.search(r"\band\b", gold) or len(parts) == 2) and "then" not in mine and not _TRUTHS.issuperset(parts)
    ):  # a list that is no ranking
        return sorted(parts) == sorted(theirs.split(" , "))
    return mine == theirs != ""


def expressions(gold: str, answer: str) -> bool:
    mine, my_unit = with_unit(gold)
    wanted = parsed(mine)
    answer, unit = with_unit(without_lead(answer))
    side = value_side(answer, _same_texts)
    decimal = read_numeral(side) if side is not None else None
    if decimal is not None and decimal[1] == "" and decimal[0].is_precise:
        return wanted is not None and near(wanted, decimal[0].value, decimal[0].places)
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
    if wording.score(gold) is not None:
        return wording.score(gold) == wording.score(answer)
    if numbers(gold, answer):
        return True
    return expressions(gold, answer) or (_WORDS.fullmatch(worded(gold)) is not None and texts(gold, answer))


def _in_order(gold: list[str], answer: list[str]) -> bool:
    return len(gold) == len(answer) and all(_items_agree(a, b) for a, b in zip(gold, answer, strict=True))


def tuples(gold: str, answer: str) -> bool:
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
    if name or len(ends) != 2 or ends[0] is None or ends[1] is None or not below(ends[0], ends[1]):
        return False
    region, given = read_region(gold), read_region(answer)
    return region is not None and given is not None and same_region(region, given)


def _named_tuple(text: str) -> tuple[str, str]:
    text = re.sub(r"^(?:\\text\s?\{\s?)?(?:the )?point\s?\}?\s?(?:[A-Z]\s?(?:=\s?)?)?(?=\()|^[A-Z](?=\()", "", text)
    name, rest = without_name(text)
    return (name, rest) if tuple_parts(rest) is not None else ("", text)


def lists(gold: str, answer: str) -> bool:
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
    """Name (may be empty) and value of each member."""
    name, rest = without_name(text)
    inside = enclosed(rest, r"\{")
    if inside is not None:
        return [(name, part) for part in items(inside)]
    brackets = enclosed(text, "[")
    if brackets is not None and len(items(brackets)) > 2:
        text = brackets
    parts = items(text)
    return [without_name(part) for part in parts] if parts else None


def matrices(gold: str, answer: str) -> bool:
    mine, theirs = scaled_rows(without_name(gold)[1]), scaled_rows(without_name(answer)[1])
    if mine is None or theirs is None or [len(row) for row in mine] != [len(row) for row in theirs]:
        return False
    return all(_in_order(a, b) for a, b in zip(mine, theirs, strict=True))


def regions(gold: str, answer: str) -> bool:
    mine, theirs = read_region(gold), read_region(without_lead(answer))
    return mine is not None and theirs is not None and same_region(mine, theirs)


def equations(gold: str, answer: str) -> bool:
    answer = without_lead(answer)
    (left, right), given = sides(gold), sides(answer)
    named = is_name(left) and not _symbols_of(left) & _symbols_of(right) and not _both_letters(left, right)
    if len(given) != 2:
        return len(given) == 1 and named and _items_agree(right, answer)
    functions = [re.fullmatch(r"[A-Za-z]\([A-Za-z]\)", squeeze(side)) is not None for side in (left, given[0])]
    if named and (squeeze(left) == squeeze(given[0]) or (any(functions) and is_name(given[0]) and _symbols_of(right))):
        return _items_agree(right, given[1])
    if named and squeeze(left) == squeeze(given[1]):
        return _items_agree(right, given[0])
    if named and not _symbols_of(right):
        return False
    mine, theirs = _difference(left, right), _difference(*given)
    return mine is not None and theirs is not None and proportional(mine, theirs)


def _both_letters(left: str, right: str) -> bool:
    """Whether both sides are single letters, as in ``A = B``, which defines neither of them."""
    return re.fullmatch(r"[A-Za-z] [A-Za-z]", f"{left.strip()} {right.strip()}") is not None


def _symbols_of(text: str) -> frozenset[str]:
    """The variables of a plain text; none if it is not a formula."""
    tree = parsed(with_unit(text)[0])
    return symbols(tree) if tree is not None else frozenset()


def _difference(left: str, right: str) -> Tree | None:
    a, b = parsed(left), parsed(right)
    return None if a is None or b is None else ("add", a, ("neg", b))


def nothing_else(gold: str, answer: str) -> bool:
    return False
