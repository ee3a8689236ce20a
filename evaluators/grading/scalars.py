r"""One number with its context: ``x = 18``, ``\$18.90``, ``5 feet 3 inches``, ``18 eggs, since 9*2 = 18``."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from evaluators.grading.formulas import parsed
from evaluators.grading.notation import enclosed, ungrouped, worded
from evaluators.grading.number_words import integer
from evaluators.grading.numerals import Form, Numeral, read_numeral
from evaluators.grading.structures import DOUBT, value_side
from evaluators.grading.units import Unit, in_base_units, measure_of, read_unit
from evaluators.grading.values import exact

_PERCENT = re.compile(
    r"\s?(?:\\text\s?\{\s?)?(?:%|per ?cent(?:age)?(?: points?)?|pct)(?![A-Za-z])\s?\}?", re.IGNORECASE
)
_COMMENT = re.compile(
    r"\s*(?:\\to(?![a-z])|—|[,;:]|(?<!\bsq)(?<!\bcu)\.\s|\b(?=since\b|because\b)|(?:^|\s)(?:-{1,2}|\|)\s(?=[A-Za-z]{3}))\s*"
    r"|(?:^|\s+)(?=(?:is|as) (?:(?:the|my|our) (?:final |correct )?answer|correct|right)\b)"
)
_WORDLESS = re.compile("[A-Za-z]{2}")
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3}")
_REASON = re.compile(r"(?:since|because|as)\b")
_LEAD = re.compile(
    r"(?:(?:[A-Za-z][A-Za-z']*[ ,]+){0,12}"
    r"(?:(?:is|are|was|were|equals?|has|have|had|be|makes?|made|gets?|needs?|costs?|takes?|earns?|earned|pays?|paid|sells?|sold|buys?|bought"
    r"|spends?|spent|saves?|saved|gives?|gave|leaves?|left|owes?|receives?|received|needed|baked|raised|caught|found|picked|planted|lost|ate|walked|ran|donated|counted|walks?|runs?|eats?|reads?|lasts?|weighs?|measures?"
    r"|contains?|becomes?|remains?|uses?|used|drives?|drove|travels?"
    r"|scores?|scored|wins?|won|collect(?:s|ed)|produces?)[ :]+"
    r"(?:(?:her|him|them|it|us|you|me|a|an|the|only|exactly|just|still|equal|to|now|another|total|of) ){0,3}"
    r"|[A-Za-z][A-Za-z']*\s?:\s*)"
    r"|(?:a|the) total of |(?:so|thus|hence|therefore|then|ans|answer|final answer|final|total|result)\b[ ,.:]+)",
    re.IGNORECASE,
)
_NO_LABEL = re.compile(
    r"\b(?:lambda|step|question|problem|page|part|case|minus|negative|plus|over|base|times|by|than)[ :]*$"
    r"|\b(?<!total )of[ :]*$",
    re.IGNORECASE,
)
_PAIR = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s?([A-Za-z]+)\.?(?:\s*(?:,|and)\s*|\s+|$)")
_ANSWER_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore)[ ,]+)?(?:the |my )?(?:final |correct )?(?:answer|option|choice|result)\"?"
    r"\s?(?:(?:is|:|=):?\s*|\s+(?:(?:-|—|\\to)\s+)?)\"?|(?:it|this) is |it's "
    r"|答案\s?[是为為]?\s?:?\s*|(?:ответ|antwort|respuesta|réponse|risposta|resposta)\s?:\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number and its unit."""

    number: Numeral
    unit: Unit | None = None
    percent: bool = False
    compound: bool = False
    """Whether there are several units, such as feet and inches. The number is in the last one."""
    in_first: Fraction | None = None
    """The number in the first of several units."""

    @property
    def value(self) -> Fraction:
        return self.number.value


@lru_cache(maxsize=4096)
def read_quantity(text: str) -> Quantity | None:
    """The whole plain text as one number with its unit, or ``None``."""
    text = re.sub(r"^\\text\s?\{([^{}]*[0-9][^{}]*)\}", r"\1", ungrouped(text)).strip()
    if (compound := _compound(worded(text))) is not None:
        return compound
    if text.startswith("-") and (inside := enclosed(text[1:].strip(), "(")):
        text = f"-{inside}" if re.match(r"[0-9]|\\frac", inside) else text
    read = read_numeral(text)
    if read is None:
        return None
    number, rest = read
    percent = _PERCENT.match(rest)
    rest = rest[percent.end() :] if percent else rest
    meant = _meant(rest, number.value)
    if meant is None:
        return None
    unit = _money(number)
    if meant and re.search(r"[A-Za-z°$€£¥₹¢\u0370-\uffff]", meant):
        wrapped = bool(re.match(r"\s*[\\{(/]", rest)) or "\\text" in rest
        glued = not percent and not wrapped and not rest.startswith(" ")
        read_as = read_unit(meant.strip(), glued=glued, bare=not wrapped)
        if read_as is None:
            return None
        unit = _priced(unit, read_as)
    elif meant.strip():
        return None
    return Quantity(number=number, unit=unit, percent=percent is not None)


def stated(text: str) -> Quantity | None:
    r"""The number that a text states, after words or a chain of equations: ``Total = 9*2 = 18 dollars``."""

    def agree(other: str, last: str) -> bool:
        quantity = read_quantity(last)
        return quantity is not None and (worth(other) == quantity.value or _converted(other, quantity))

    side = value_side(without_lead(text), agree)
    if side is None:
        return None
    return read_quantity(side) or read_quantity(_behind_words(side))


def _converted(text: str, quantity: Quantity) -> bool:
    """Whether a text states the same quantity in another unit, as in ``6 feet = 72 inches``."""
    other = read_quantity(text)
    if other is None or other.unit is None or quantity.unit is None:
        return False
    if not other.unit.measures or not quantity.unit.measures:
        return False
    return in_base_units(other.value, other.unit) == in_base_units(quantity.value, quantity.unit)


def without_lead(text: str) -> str:
    """The text without *The answer is* and similar phrases."""
    found = _ANSWER_LEAD.match(text)
    return text[found.end() :].rstrip('"') if found else text


def worth(text: str) -> Fraction | None:
    """The value of a computation, ignoring units: ``9 eggs * \\$2``."""
    quantity = read_quantity(text)
    if quantity is not None:
        return quantity.value / (100 if quantity.percent else 1)
    text = re.sub(r"%\s?of\s", "/100*", text)
    words = re.sub(r"\\text\s?\{[^{}]*\}|(?:/\s?)?(?<![A-Za-z\\])[A-Za-z]{3,}(?![A-Za-z])|[$€£¥₹]", " ", text)
    words = re.sub(r"(?<=[0-9) ])x(?=[0-9( ])", "*", words)
    tree = parsed(" ".join(words.split()))
    if tree is None:
        return None
    return exact(tree)


def same_quantity(gold: Quantity, answer: Quantity) -> bool:
    """Whether the answer is the same quantity. Its unit may be omitted if the gold has only one number."""
    if gold.percent != answer.percent and answer.percent:
        return False
    if answer.unit is None:
        return not gold.compound and same_number(gold.number, answer.number)
    if gold.unit is None and answer.in_first == gold.value:
        return True
    if gold.unit is None or gold.unit == answer.unit:
        return same_number(gold.number, answer.number)
    if gold.unit.measures and answer.unit.measures:
        mine, theirs = in_base_units(gold.value, gold.unit), in_base_units(answer.value, answer.unit)
        return mine == theirs and answer.number.form is not Form.FRACTION
    if gold.unit.words and answer.unit.words:
        return gold.unit.words <= answer.unit.words and same_number(gold.number, answer.number)
    return False


def same_number(gold: Numeral, answer: Numeral) -> bool:
    """Whether two numbers are equal, in a form that needs no computation, or equal by an allowed rounding."""
    if gold.value == answer.value:
        return answer.form is not Form.FRACTION or gold.form in (Form.REDUCED, Form.FRACTION)
    if gold.form in (Form.REDUCED, Form.FRACTION, Form.REPEATING):
        cut = Fraction(int(gold.value * 10**answer.places), 10**answer.places)
        endless = not _terminates(gold.value) and answer.is_precise
        return endless and answer.value in (cut, round(gold.value, answer.places))
    if gold.places >= 15 and abs(gold.value - answer.value) < abs(gold.value) / 10**14:
        return True
    if answer.form in (Form.REDUCED, Form.REPEATING):
        return gold.places >= 4 and not _terminates(answer.value) and round(answer.value, gold.places) == gold.value
    if gold.places >= 10 and answer.form is Form.WRITTEN:
        significant = answer.places >= 2 and abs(answer.value) * 10**answer.places >= 10
        return significant and round(gold.value, answer.places) == answer.value
    return False


def _terminates(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _compound(text: str) -> Quantity | None:
    text = re.sub(r"^([0-9]+)'\s?([0-9]{1,2})$", r"\1 feet \2 inches", text)
    text = re.sub(r"^\$ ?([0-9]+) and ([0-9]+) cents$", r"\1 dollars \2 cents", text)
    text = re.sub(r"^([0-9]+) ?h ([0-9]+) ?m$", r"\1 h \2 min", text)
    found = list(_PAIR.finditer(text))
    if len(found) < 2 or "".join(match[0] for match in found) != text:
        return None
    total, base = Fraction(0), set()
    for match in found:
        name = measure_of(match[2])
        if name is None:
            return None
        value, dimensions = in_base_units(Fraction(match[1]), Unit(measures=((name, 1),)))
        total += value
        base.add(dimensions)
    if len(base) > 1:
        return None
    last = found[-1]
    unit = Unit(measures=((str(measure_of(last[2])), 1),))
    first = Unit(measures=((str(measure_of(found[0][2])), 1),))
    in_first = total / in_base_units(Fraction(1), first)[0]
    total /= in_base_units(Fraction(1), unit)[0]
    return Quantity(
        number=Numeral(value=total, form=Form.WRITTEN, places=0, money=""), unit=unit, compound=True, in_first=in_first
    )


def _money(number: Numeral) -> Unit | None:
    name = measure_of(number.money) if number.money else None
    return Unit(measures=((name, 1),)) if name else None


def _priced(money: Unit | None, unit: Unit) -> Unit | None:
    r"""``\$18 per day`` is in dollars by day; ``\$18 USD`` and ``\$18 dollars`` are in dollars."""
    if money is None or money == unit:
        return unit
    if unit.measures and unit.measures[0][1] < 0:
        return Unit(measures=(*money.measures, *unit.measures))
    return money if unit.words else unit


def _meant(rest: str, value: Fraction) -> str | None:
    """The text after a number without comments; ``None`` if a comment states another number."""
    rest = worded(rest)
    aside = re.search(r"\s*\(([^()]*)\)$", rest)
    if aside is not None:
        inside = aside[1].strip()
        stated_again = _WORD.search(inside) is not None and worth(inside) == value  # 18(18) is a product
        if integer(inside) != value and not stated_again and inside and read_unit(inside, glued=False) is None:
            return None
        rest = rest[: aside.start()]
        if not rest.strip() and not stated_again and integer(inside) is None:
            rest = f" {inside}"  # 18 (dollars)
    found = _COMMENT.search(rest)
    if found is not None:
        comment = rest[found.end() :]
        comment_says = _says_more(comment, value)
        if comment and comment_says and not _REASON.match(comment):
            return None
        rest = rest[: found.start()]
    return re.sub(r"^[>\s]+$", "", rest)


def _says_more(comment: str, value: Fraction) -> bool:
    """Whether a comment has another number, a formula, a doubt, or no words."""
    numbers = [read_numeral(number) for number in re.findall("[0-9][0-9,.]*[0-9]|[0-9]", comment)]
    if any(number is None or number[0].value != value for number in numbers):
        return True
    return (
        re.search(r"[\\+*/^=]", comment) is not None
        or DOUBT.search(comment) is not None
        or _WORDLESS.search(comment) is None
    )


def _behind_words(text: str) -> str:
    words = worded(ungrouped(text))
    found = _LEAD.match(words)
    if found is None or DOUBT.search(found[0]) or _NO_LABEL.search(found[0]):
        return "?"
    return words[found.end() :]
