"""Words after a number. The grader ignores what is counted. It does not ignore words that change the number."""

import pytest

from tests.support.answers import right, wrong

SENTENCES = [  # next to 18
    *[
        "total apples are left over now",
        "apples are left",
        "apples were left",
        "apples will be left after that",
        "apples have been sold",
        "ducks had already left",
    ],
    *[
        "more cookies were baked than yesterday",
        "books were sold in May",
        "students can sit there",
        "were left",
        "are red",
        "is the number of clips",
        "is the total cost",
    ],
    *["is the final number of people", "apples was all she had", "of them are blue"],
]
NAMES = [
    "T-shirts",
    "X-rays",
    "CDs",
    "DVDs",
    "TVs",
    "grand pianos",
    "baby grand pianos",
    "grand slams",
    "grand prizes",
    "grandchildren",
    "half-lives",
]
DOTTED = [
    "c.m.",
    "k.g.",
    "m.p.h.",
    "k.m.",
    "f.t.",
    "sq. m.",
    "sq. yd.",
    "cu. in.",
    "sq. m",
    r"\text{ m.}^2",
    r"\text{ in.}^3",
]
CYRILLIC = ["км", "м", "см", "кг", "г", "л", "ч", "мин", "км/ч", "м²", "руб.", "рублей", "часов", "человека", "штук"]
SHORT = ["mpg", "kmph", "mph"]


@pytest.mark.parametrize("tail", [*SENTENCES, *NAMES, *DOTTED, *CYRILLIC, *SHORT])
def test_the_number_stays_the_same(tail: str) -> None:
    right("18", f"18 {tail}")


OTHER_LANGUAGES = [
    *[
        "тысяч",
        "тыс.",
        "млн",
        "млрд",
        "миллионов",
        "миллиарда",
        "сотен",
        "сто",
        "десятков",
        "дюжин",
        "процентов",
        "с половиной",
        "или",
    ],
    *[
        "tausend",
        "hundert",
        "Million",
        "Millionen",
        "Milliarden",
        "Dutzend",
        "Prozent",
        "oder mehr",
        "mil",
        "millón",
        "millones",
        "por ciento",
        "docenas",
    ],
    *[
        "mille",
        "milliers",
        "millions",
        "milliards",
        "douzaines",
        "pour cent",
        "mila",
        "milioni",
        "per cento",
        "percento",
        "milhões",
        "dúzias",
        "por cento",
    ],
    *["procent", "ribu", "juta", "persen", "万", "億", "折", "成"],
]
OTHER_NUMBERS = [
    "doubled",
    "tripled",
    "trebled",
    "halved",
    "couple",
    "estimated",
    "ternary",
    "duodecimal",
    "sinh",
    "ln",
    "radical",
    "M",
    "G",
    "Q",
    "X",
    "grand",
    "grand total",
    "grand dollars",
]
DOUBTS = [
    *[
        "apples are wrong",
        "apples is incorrect",
        "apples were not sold",
        "are wrong",
        "are possible but not certain",
        "is the wrong number",
        "apples are half of it",
    ],
    *["apples were thirty", "is the number of thousands"],
]


@pytest.mark.parametrize("tail", [*OTHER_LANGUAGES, *OTHER_NUMBERS, *DOUBTS])
def test_it_is_another_number(tail: str) -> None:
    wrong("18", f"18 {tail}")


@pytest.mark.parametrize("answer", ["18 grand", "18 тысяч"])
def test_only_english_words_multiply(answer: str) -> None:
    (right if "grand" in answer else wrong)("18000", answer)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [("5 km", "5 км"), ("5 km", "5000 м"), ("3 kg", "3 кг"), ("90 km/h", "90 км/ч"), ("5 km", "5 k.m.")],
)
def test_other_spellings_are_the_same_unit(expected: str, answer: str) -> None:
    right(expected, answer)


@pytest.mark.parametrize(("expected", "answer"), [("5 km", "5 м"), ("3 kg", "3 г"), ("5 km", "5 c.m.")])
def test_other_spellings_of_another_unit(expected: str, answer: str) -> None:
    wrong(expected, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "6 feet = 72 inches",
        "6 ft = 72 in",
        "Natalia sold a total of 72 clips",
        "Weng earned $72",
        "She collected 72 stamps",
    ],
)
def test_words_before_it(answer: str) -> None:
    right("72", answer)


@pytest.mark.parametrize(
    "answer",
    ["7 feet = 72 inches", "6 feet = 72 cm", "6 = 72 inches", "6 apples = 72 inches", "half of 72", "a third of 72"],
)
def test_words_before_it_that_change_it(answer: str) -> None:
    wrong("72", answer)


@pytest.mark.parametrize("product", ["rs", "pq", "rst", "ab", "xy"])
def test_letters_glued_to_it_are_a_product(product: str) -> None:
    wrong("18", f"18{product}")
