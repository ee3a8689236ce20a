r"""Units next to a number if a unit is expected: the same unit, or another one with the same value."""

import pytest

from tests.support.answers import cases, right, wrong

SAME = {
    r"5\text{ cm}": ["5", "5 cm", "5cm", "5 centimeters", "0.05 m", "50 mm", r"5~\mathrm{cm}", "x = 5 cm", "5.0 cm"],
    r"5.4\text{ cents}": ["5.4", "5.4 cents", "5.4¢", r"\$0.054", "5.40 cents"],
    r"\$18.90": ["18.90", "18.9", "$18.90", "18.90 dollars", "1890 cents", "USD 18.90", r"\$18.9", "US$18.90"],
    r"\$36": ["36", "$36", "36 dollars", "36.00"],
    "18 cents": ["18", "18 cents", "18¢", "$0.18"],
    "5 feet 3 inches": [
        "63 inches",
        "5 feet 3 inches",
        "5 ft 3 in",
        "5 feet, 3 inches",
        "5 feet and 3 inches",
        "5.25 feet",
        "5'3\"",
    ],
    "2 hours 30 minutes": [
        "150 minutes",
        "2.5 hours",
        "2 hours and 30 minutes",
        "2 hr 30 min",
        "2h 30m",
        "2 h 30 min",
        "2 1/2 hours",
    ],
    "2.5 hours": ["2 hours 30 minutes", "150 minutes", "2.5", "2.5 h", "2 1/2 hours", "9000 seconds"],
    "30^\\circ": [
        "30",
        "30°",
        "30 degrees",
        r"\frac{\pi}{6}",
        r"\frac{\pi}{6}\text{ radians}",
        r"30^{\circ}",
        r"\theta = 30^\circ",
        "π/6",
    ],
    r"\frac{270}7\text{ degrees}": [r"\frac{270}{7}", r"\frac{270}{7}^\circ", "270/7 degrees"],
    r"15\mbox{ cm}^2": ["15", r"15\text{ cm}^2", "15 square centimeters", "15 cm²", "15 sq cm", "0.0015 m^2"],
    r"864 \mbox{ inches}^2": ["864", "6 ft^2", "864 square inches", "864 in^2"],
    "7 apples": ["7", "7 apples", "7 Apples", "7 red apples", "7 apple"],
    "60 km/h": ["60", "60 km/h", "60 kilometers per hour", r"60\text{ km/h}", "60 kph", "60 km per hour"],
    "3 days": ["72 hours", "3", "3 days"],
    "20 °C": ["20", "20°C", "20 degrees Celsius"],
    r"18\pi\text{ cm}^2": [r"18\pi", r"18\pi\text{ cm}^2", r"18 \pi \text{ square centimeters}", r"18\pi cm^2"],
    r"18\pi": [
        r"18\pi",
        r"18\pi\text{ cm}^2",
        r"18 \pi \text{ square units}",
        "18π cm",
        r"A = 18\pi",
        r"18\pi \text{ units}^2",
        "18*pi",
    ],
    r"2\sqrt{3}": [r"2\sqrt{3}\text{ cm}", r"2\sqrt{3} \text{ units}", r"2\sqrt3~\mathrm{m}", "2√3 meters"],
    r"\frac{\pi}{6}": [
        r"30^\circ",
        "30°",
        "30 degrees",
        r"\frac{\pi}{6}\text{ radians}",
        "π/6 rad",
        r"\theta=\frac{\pi}{6}",
    ],
}
OTHER = {
    r"5\text{ cm}": ["5 m", r"5\text{ m}", "5 cm^2", "5 kg", "50 cm", "5 apples", "$5", "5%", "5 mm"],
    r"\$18": ["18 cents", "18 euros", "€18", "£18", "18 kg", "1800 dollars"],
    "18 cents": ["18 (dollars)", "$18", "18 dollars", r"\$18", "18 euros", "0.18 cents"],
    "5 feet 3 inches": ["5 feet", "5", "3 inches", "5.3 feet", "53", "8", "63", "63 feet", "5 feet 4 inches"],
    "2 hours 30 minutes": ["2", "30 minutes", "2.3 hours", "2.5", "150", "2 hours", "150 hours"],
    "30^\\circ": ["30 radians", r"\pi", "0.5", "30 cm", "31", r"\frac{\pi}{3}", r"-30^\circ", "1/2"],
    r"15\mbox{ cm}^2": ["15 cm", "15 m^2", "15 cm^3", "16"],
    "7 apples": ["7 pears", "8 apples", "7 dozen apples", "7%"],
    "60 km/h": ["60 mph", "60 km", "60 h", "1 km/h"],
    "20 °C": ["20 °F", "20 K"],
    r"18\pi": ["18", "18 pi^2", r"18\pi x", "56.55", r"18\pi^2", r"18\pi\text{ million}", r"18\pi\%", r"9\pi\cdot 3"],
    r"18\pi\text{ cm}^2": [r"18\pi\text{ m}^2", r"18\pi\text{ cm}", "18"],
    r"\frac{\pi}{6}": ["30", "30 radians", r"\frac{\pi}{6}^\circ", r"\frac{6}{\pi}", "0.5236", "60°"],
    "2 radians": ["2°", "2 degrees"],
}


@pytest.mark.parametrize(("expected", "answer"), cases(SAME))
def test_the_same_quantity(expected: str, answer: str) -> None:
    right(expected, answer)


@pytest.mark.parametrize(("expected", "answer"), cases(OTHER))
def test_another_quantity(expected: str, answer: str) -> None:
    wrong(expected, answer)
