r"""Units of measure, and the words that count things: ``cm^2``, ``km/h``, ``dollars per day``, ``third graders``.

Names are looked up in ``unit_names``, and pint converts the units; it never gets the text of an answer. Words that are
not units of measure count things (*eggs*), unless they change the number before them (*dozen*, *in binary*, *squared*).
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from evaluators.grading.number_words import is_word
from evaluators.grading.unit_names import ALIASES, NAMES, OWN, SYMBOLS

_OTHER_VALUE = re.compile(
    r"hundreds?|thousands?|[a-z]*illions?|dozens?|scores?|gross|lakhs?|crores?|grand|mil|mill|mln|mio|mrd|bil|bio|[mbt]n"
    r"|tril|trn|k|half|halves|quarters?|thirds?|fourths?|(?:(?:twenty|thirty|forty|fifty)[- ]?)?"
    r"(?:fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|[a-z]+teenth|[a-z]+tieth|hundredth|[a-z]*(?:thousand|illion)th)s?"
    r"|st|nd|rd|th|squared|cubed|factorial|times|plus|minus|over|divided|divides|multiplied|mod|modulo|point|n?or|not"
    r"|pi|sqrt|root|log|base|binary|octal|hex|hexadecimal|decimal|negative|approximately|about|almost|roughly"
    r"|degrees?radians?|percent|percentage|pct|through|until|between|either|but|except|if|when|unless|wrong|incorrect|isn|aren"
    r"|thou|milliard|googol|zillion|mille|myriad|mm|permille|promille|basis|bps|tens|lac|wan|bill|trill|quad|sext|hund"
    r"|below|under|above|least|most|choose|approx|est|maybe|perhaps|possibly|probably|opposite|reversed|backwards|inverse|reciprocal"
    r"|sin|cos|tan|exp|lim|gcd|lcm|div|xor|infinity|undefined|imaginary|unknown|none|nothing|fails?|false|invalid|impossible"
    r"|excluded|rejected|alpha|beta|gamma|delta|epsilon|theta|lambda|mu|sigma|phi|omega|rho|tau|psi|chi|eta|zeta|kappa"
    r"|twice|doubled?|tripled?|trebled?|quadrupled?|halved|couple|estimated?|truncated|ternary|duodecimal|ln|sinh|cosh|tanh|radical|equals?|is|are|was|were|power|exponent|ruled|fold|e|ish|vs|versus"
)
_OTHER_VALUE_ABROAD = re.compile(
    r"mill?i?[oó]n(?:e[ns]?|i|s)?|milliard(?:s|en)?|milh\w+|mila|milliers?|tausend\w*|hundert\w*|dutzend\w*|douzaines?|docenas?|dúzias?"
    r"|pro[cz]ent\w*|p(?:ou|o|e)rcent\w*|cento|cientos?|pour|ribu|juta|persen|oder|nicht|weniger|moins|menos"
    r"|тыс\w*|мл(?:н|рд)|трлн|(?:милл|трилл)ион\w*|миллиард\w*|ст[оа]|сот\w*|десят\w*|дюжин\w*|процент\w*|половин\w*|четверт\w*|не|или|минус|плюс"
)
"""*Thousand*, *dozen*, *percent*, *or* and the like in other languages."""
_ORDINAL_CLASS = re.compile(
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)"
    r"(?:[- ]?(?:grade|year|floor)r?s?|-[a-z]{3,})"
)
_USES = re.compile(
    r"decimal (?:places?|digits?)|negative (?:integers?|numbers?|values?|solutions?|roots?)|base (?:pairs?|hits?)"
    r"|binary (?:digits?|strings?|numbers?)|plus-size"
    r"|grand (?!totals?\b|dollars\b|bucks\b)[a-z]{3,}(?:s|ren)\b"
)
"""Phrases with words that otherwise change a number."""
_COMPARED = re.compile(r"times(?: (?:as|the|[a-z]+er|more|less|a|per|each|every|daily|weekly|in (?:all|total))\b.*)?")
_SMALL_WORDS_TEXT = (
    "and no to than go a an the of in on at by per each for with from he she it we they my his her its up as"
)
_SMALL_WORDS = frozenset(_SMALL_WORDS_TEXT.split())
_COUNTERS = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]+")
_OTHER_COUNTERS = re.compile("[十百千万萬億亿兆半倍割成折십백천만억조배반]|分之")
_DOTTED = re.compile(r"(?<![A-Za-z])[A-Za-z](?:\.[A-Za-z]){1,3}\.?(?![A-Za-z])")
_VERB = re.compile(
    r"^is the (?=(?:total |final )?(?:number|amount|cost|price|sum|value|total)\b)|^(?:are|were) (?=[a-z])"
    r"|(?<=[a-z]{2}) (?:is|are|was|were|will|can|have|has|had)(?: be| been)? (?=[a-z])"
)
"""Words between a counted thing and a statement about it."""
_TOKEN = re.compile(r"[A-Za-zА-я$€£¥₹₽₩¢°ΩμÅ\u00c5][A-Za-zА-я.Ωł]*(?:[-'][A-Za-z]+)*|\^\s*\{?\s*(-?[0-9])\s*\}?|[/*]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit, which has either measures or words."""

    measures: tuple[tuple[str, int], ...] = ()
    """Unit names of pint, each with its exponent."""
    words: frozenset[str] = frozenset()
    """The words in the singular."""


@lru_cache(maxsize=4096)
def read_unit(text: str, *, glued: bool, bare: bool = False) -> Unit | None:
    """The unit or counted thing in a plain text after a number; ``None`` if the text changes the number.

    Args:
        text: the text, without LaTeX commands around words.
        glued: whether there is no space after the number, as in ``18xy``.
        bare: whether LaTeX does not mark it as text, so most single letters are variables.
    """
    text = re.sub(r"\\Omega ?", "Ω", text).replace(r"\mu ", "μ").replace(r"\mu", "μ").replace(r"\circ", "°").strip()
    text = re.sub(r"\\frac\s?\{([^{}]*)\}\s?\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"(?<![A-Za-z])([kMm]) Ω", r"\1Ω", _USES.sub("things", text)).replace("units squared", "square units")
    text = re.sub(r"^[0-9]+(?:st|nd|rd|th)[- ](?=grade)|^[0-9]+-(?=[a-z]{3})", "", text)
    text = re.sub(r"\b(mm|cm|m|km|ft|in|yd|mi)([23])(?![0-9])", r"\1^\2", text)
    text = _DOTTED.sub(lambda m: m[0] if (name := m[0].replace(".", "")) not in SYMBOLS else name, text)
    if text.startswith("*") or len(text) > 100 or re.search(r"(?<![\^{-])(?<!\^ )[0-9]", text):
        return None
    if len(text) == 1 and unicodedata.category(text) == "Sc" and text not in SYMBOLS:
        return Unit(words=frozenset([text]))
    if _COUNTERS.fullmatch(text):
        return None if _OTHER_COUNTERS.search(text) else Unit(words=frozenset([text]))
    if (measures := _measures(text)) is not None:
        if (
            bare
            and re.search(r"(?<![A-Za-z])(?![ghmsL])[A-Za-z](?![A-Za-z])", text)
            and not re.search("[*/^°μΩ]", text)
        ):
            return None
        return Unit(measures=measures)
    return _words(text, glued)


def in_base_units(value: Fraction, unit: Unit) -> tuple[Fraction, str]:
    """The value in base units, and these units."""
    factor = Fraction(1)
    dimensions: dict[str, Fraction] = {}
    for name, power in unit.measures:
        part, base = _worth(name)
        factor *= part**power
        for dimension, exponent in base:
            dimensions[dimension] = dimensions.get(dimension, 0) + exponent * power
    return value * factor, str(sorted((name, power) for name, power in dimensions.items() if power))


def measure_of(word: str) -> str | None:
    """The name in pint of a unit, by its symbol or name."""
    if word in SYMBOLS:
        return SYMBOLS[word]
    lower = word.lower().removesuffix(".")
    if lower in ALIASES:
        return ALIASES[lower]
    for name in (lower, lower.removesuffix("s"), lower.removesuffix("es")):
        if name in NAMES:
            return name
    return SYMBOLS.get(word.removesuffix(".")) or (SYMBOLS.get(lower) if len(lower) > 1 else None)


@cache
def _registry() -> Any:
    import pint  # takes a third of a second; only needed for an answer in another unit than expected

    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    for definition in OWN:
        registry.define(definition)
    return registry


@cache
def _worth(name: str) -> tuple[Fraction, tuple[tuple[str, Fraction], ...]]:
    quantity = _registry().Quantity(Fraction(1), name).to_base_units()
    return Fraction(quantity.magnitude), tuple((str(k), Fraction(v)) for k, v in quantity.unit_items())


def _measures(text: str) -> tuple[tuple[str, int], ...] | None:
    """The whole text as units of measure."""
    text = re.sub(r"(?<=[a-z]) (squared|cubed)\b", lambda m: "^2" if m[1] == "squared" else "^3", text)
    text = text.replace("US dollar", "dollar")
    text = re.sub(r"°\s?([CF])(?![A-Za-z])", lambda m: {"C": " celsius", "F": " fahrenheit"}[m[1]], text)
    text = re.sub(r"degrees? (?=celsius|fahrenheit)", "", text, flags=re.IGNORECASE)
    text = re.sub(r"(?:\bper\b|\beach\b)", "/", text)
    text = re.sub(r"[{}()]", " ", re.sub(r"\^\s*\{\s*(-?[0-9])\s*\}", r"^\1", text)).strip()
    found: list[tuple[str, int]] = []
    sign, power, place = 1, 1, 0
    while place < len(text):
        if text[place] == " ":
            place += 1
            continue
        token = _TOKEN.match(text, place)
        if token is None:
            return None
        place = token.end()
        word = token[0].rstrip(".") if token[0] not in ("Rs.",) else token[0]
        if word == "/":
            sign = -1
        elif word == "*":
            continue
        elif word.startswith("^"):
            if not found:
                return None
            found[-1] = (found[-1][0], found[-1][1] * int(token[1]))
        elif word.lower() in ("square", "sq", "cubic", "cu"):
            power = 2 if word.lower().startswith("sq") else 3
        elif (name := measure_of(word)) is not None:
            found.append((name, sign * power))
            power = 1
        else:
            return None
    return tuple(found) if power == 1 and found else None


def _words(text: str, glued: bool) -> Unit | None:
    text = re.sub(r"\bsq\b", "square", re.sub(r"\bcu\b", "cubic", text))
    phrase = " ".join(re.sub(r"[\".,;:!(){}\[\]]|\^\s?[23]", " ", text.replace("'", "")).split())
    if not re.fullmatch(r"-?[^\W\d_]+(?:[-/ ]+[^\W\d_]+)*", phrase) or len(phrase.split()) > 12:
        return None
    if any(word not in SYMBOLS for word in re.findall(r"\b[A-Z]\b(?!-)", phrase)):
        return None
    lower = re.sub(r"\b[A-Z]{2,4}s\b", "things", re.sub(r"\b[A-Z]-(?=[a-z]{3})", "", phrase)).lower()
    if _COMPARED.fullmatch(lower):
        return Unit(words=frozenset(["times"]))
    lower = _VERB.sub(" ", _ORDINAL_CLASS.sub("pupils", lower)).replace("left over", "leftover")
    if glued and (" " not in phrase) and (len(phrase) < 4 or not re.search("[aeiou]", lower)):
        return None
    words = re.sub(
        r"\b(?:half|quarter|hundred|thousand|million|dozen|one|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty)-(?=[a-z]{3})",
        "",
        lower,
    )
    parts = [part for part in re.split("[-/ ]+", words) if part]
    if any(_OTHER_VALUE.fullmatch(part) or _OTHER_VALUE_ABROAD.fullmatch(part) or is_word(part) for part in parts):
        return None
    meant = [part for part in parts if part not in _SMALL_WORDS]
    if (not meant and "each" not in parts) or not all(_is_word(part) or measure_of(part) for part in meant):
        return None
    if parts[0] in ("and", "no", "to", "than") or "to" in parts[-1:]:
        return None
    return Unit(words=frozenset(_singular(part) for part in meant))


def _is_word(part: str) -> bool:
    """Whether this is a word: three or more letters with a vowel, and not *abc*."""
    following = all(ord(b) - ord(a) == 1 for a, b in pairwise(part))
    return len(part) > 2 and re.search("[aeiouyà-ɏа-я]", part) is not None and not following and len(set(part)) > 1


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word.removesuffix("s") if not word.endswith("ss") else word
