# ruff: noqa: E501  signs of double width
"""Answers after ``####`` on a line, as models write them."""

import pytest

from evaluators.grading.comparison import decide
from evaluators.grading.extraction import extract

RIGHT: dict[str, list[str]] = {
    '18': [
        *['18)', '18]', '18}', '18>', '18*', '18**', '18:', '18\\n', '18\\', '18$', '18', '18 /', '18 |', '18 -'],
        *['18 --', '18 =', '18~', '18 (', '18"', "18'", '18”', '18 ]', '18 ]]', '[[18]]', '{{18}}', '((18))'],
        *['<<18>>', '$$18$$', '\\[18\\]', '`` 18 ``', '```18```', '~~18~~', '=> 18', '-> 18', '→ 18', '⇒ 18'],
        *['➡ 18', '=18', '==18', '== 18', 'is 18', 'is: 18', 'are 18', 'answer 18', 'Answer 18', 'answer is 18'],
        *['the answer: 18', 'Final 18', 'final: 18', 'Final answer 18', 'Total 18', 'total: 18', 'Result: 18'],
        *['Ans 18', 'ans: 18', 'A: 18', 'A = 18', 'Q: 18', 'So 18', 'so 18 eggs', 'Thus 18', '18 is my answer'],
        *['18 total', '18 total eggs', '18 (total)', '18 in total', '18 altogether', '18 overall', '18 eggs/day'],
        *['18 eggs per day', '18 eggs a day', '18 / hour', '18/hr', '18 $/day', '$18/day', '$18 / day'],
        *['$18 per day', '18$/day', '18 dollars/day', '18 dollars a day', '18 kg/m^3', '18 kg/m³', '18 cm²'],
        *['18 °', '18º', '18 deg', '18 degree', '18 °F', '18 celsius', '18 ft/s', '18 sec.', '18 min.'],
        *['18 hrs.', '18 hr.', '18 in.', '18 ft.', '18 yd', '18 yards', '18 miles/hour', '18 km per hour'],
        *['18 mph.', '18 m/h', '18 pence', '18 Rs', '18 Rs.', 'Rs 18', 'Rs. 18', 'INR 18', '₹ 18', '18 ₹', '18₹'],
        *['¥ 18', '18¥', '18 ¥', '18 yen', '€ 18', '18 €', '£ 18', '18£', '₩18', '₽18', '18₽', '฿18', 'R$18'],
        *['R$ 18', 'C$18', 'A$18', 'HK$18', 'S$18', '18 kr', '18 Ft', '18 USD.', 'USD 18', 'USD: 18', 'US$ 18'],
        *['$ 18', '$18 USD', '$18.00 USD', '$18 dollars', '18.00 $', '18 dollar', '18 Dollars', '18-dollars'],
        *['18 dollar(s)', '18 egg(s)', '18 eggs (total)', '18 eggs, total', '18 eggs - total', '18 eggs; done'],
        *['18 eggs!', '18 cookies 🍪', '🥚 18', '18 🥚🥚', '18️⃣', '１８．', '１８個', '18個', '18本', '18枚', '18人', '18歳'],
        *['18年', '18天', '18只', '18支', '18小时', '18分钟', '18美元', '18美元。', '18 美元', '18块', '18块钱', '18斤', '18 개'],
        *['18개', '18원', '18 руб', '18 рублей', '18 яиц', '18 huevos', '18 Äpfel', '18 œufs', '18 pommes'],
        *['18 elèves', '18 años', '18 naïve cafés', '18.0000', '+ 18', '0018', '18.', '18 .', '18 。', '18 ...'],
        *['18 ....', '18...', '…18', '18 etc', '18 done', '18 Done.', '18 END', '18 <END>', '18 [END]'],
        *['18 </end>', '18</s></s>', '18<s>', '18 <eos>', '18<|end|>', '18<|end_of_text|>'],
        *['18<｜end▁of▁sentence｜>', '18<end_of_turn>', '18[/INST]', '18 [DONE]', '18\\end{document}', '18 \\\\'],
        *['18\\hfill', '18 \\blacksquare', '18 \\square', '18 ∎', '18 ■', '18 □', '18 QED', '18 Q.E.D.', '*18'],
        *['"18', '`18', '(18', '[18', '{18', '$18$.', '$18$ dollars', '$18$ eggs', '\\$18$', '\\$ 18'],
        *['\\textdollar 18', '\\text{18}', '\\text{18 eggs}', '\\text{The answer is 18}', '\\mathrm{18}'],
        *['\\boldsymbol{18}', '\\mathbf{18} eggs', '\\textbf{18} eggs', '**18** eggs', '**18 eggs**', '**$18**'],
        *['$**18**', '**18**.', '*18*.', '__18__ eggs', '<b>18</b>', '<b>18</b> eggs', '<strong>18</strong>'],
        *['<span style="x">18</span>', '<final>18</final>', '<final_answer>18</final_answer>', '<result>18'],
        *['[answer]18[/answer]', '[Answer: 18]', '(Answer: 18)', '{answer: 18}', '{"answer": 18}', 'answer="18"'],
        *['answer=18', 'x=18', 'x = 18 eggs', 'n: 18', 'y=18.', 'x = $18', 'Cost = 18', 'cost: $18'],
        *['Cost: 18 dollars', 'Number of eggs: 18', 'Number of eggs = 18', 'Total number of eggs is 18'],
        *['eggs: 18', 'eggs = 18', 'Profit: 18', 'Ana: 18', 'Ana = 18', 'Ana has 18', 'Ana gets 18 eggs'],
        *['He needs 18 more eggs', 'There will be 18 eggs', 'It takes 18 days', 'It would take her 18 days'],
        *['18, which is the answer', '18, the answer', '18 which is correct', '18 (correct)'],
        *['18 (final answer)', '18 (answer)', '18 - final answer', '18 as the answer', '18 = final answer'],
        *['18 = answer', '18 = total', '18 = 18', '18=18', '18 eggs = 18', '9+9=18', '9 + 9 = 18.'],
        *['9+9 = 18 eggs', '(9+9) = 18', '9*2=$18', '$9*2=$18', '$9 * 2 = $18', '9 eggs * 2 = 18'],
        *['9 eggs/day * 2 days = 18 eggs', '9 eggs x 2 = 18', '9x2=18', '9 x 2 = 18', '9·2 = 18', '9×2=18'],
        *['3*6=<<3*6=18>>18', '<<3*6=18>>18', '18<<3*6=18>>', '18 <<9*2=18>>', '36/2=18', '36 / 2 = 18'],
        *['36÷2=18', '\\frac{36}{2}=18', '20-2=18', '20 – 2 = 18', '18/1=18', '50% of 36 = 18', '0.5*36=18'],
        *['.5 * 36 = 18', '1,800/100=18', '2^4+2 = 18', '18 rounded', '18 (rounded)', '18 \\text{ kg m}'],
        *['18 \\text{ m}^2/\\text{s}', '18\\ \\mathrm{kg\\,m^2}', '18~\\text{J/(kg K)}', '18 \\text{ mol/L}'],
        *['18 \\text{ cm}^{-1}', '18 \\text{ (cm)}', '18 [cm]', '18 \\,[\\text{cm}]', '18\\text{ in}^3'],
        *['18\\,{}^\\circ\\text{C}', '18 \\textdegree', '\\SI{18}{m}', '18-inch', '18 sq.ft', '18 sqft'],
        *['18 cu. in.', '18 m³/s', '18 km / h', '18 km·h⁻¹', '18 kilometers/hour', '18 ft-lbs', '18 kW·h'],
        *['18 people per square mile', '18 $\\text{m}$', '18\\text{-cm}', '18 \\text{ times as large}'],
        *['18 \\text{ students in total}', '18 students in the class', '18 \\text{kg}\\cdot\\text{m/s}^2'],
        *['18 \\text{m s}^{-2}', '18 \\mathrm{\\ m}', '18\\mathrm{m/s}', '18\\ \\mathrm{cm^2}'],
        *['18 \\text{ cm$^2$}', '18 \\text{cm}^{2}.', '18\\;\\mathrm{ft}^2', '18 \\text{ units}^2'],
        *['18 \\text{ square feet}', '18\\textrm{ cm}', '18 \\text{ cm} ^2', '18 \\operatorname{cm}'],
        *['"18 eggs"', "'18 eggs'", '`18 eggs`', '“18 eggs”', '18 CHF', '18 ₪', '₪18', 'RM18', 'RM 18', 'NT$18'],
        *['18 SEK', 'SEK 18', '18㎡', '18 m2', '18cm3', '18㎏', '18 ft2', 'The answer is: **18**'],
        *['The answer is $18$.', 'The answer is 18 eggs per day.', 'Ana has 18 eggs left.'],
        *['So the answer is 18', 'Hence 18', '∴ 18', 'Answer → 18', 'Answer — 18', 'Answer - 18', 'Answer – 18'],
        *['18. The answer is 18.', '18 eggs. Great job!', '18 (18 eggs)', '18 (since 9*2)'],
        *['The final answer is:\n18', 'Final answer is\n18', '18, i.e. 18 eggs'],
        *['18, so she has 18 eggs', '18 eggs, that is 18', '18 ✔', '18 ✔️', '18 ☑', '18 ★', '18 🙂', '18 #'],
        *['18 ⇐ answer', '18 (ans)', '18 Ans', '18 ans.', '18 is correct', '18 correct', '[18 eggs]'],
        *['(18 eggs)', '{18 eggs}', '<18 eggs>', '<answer>18 eggs</answer>', '18 eggs</answer>'],
        *['\\boxed{18 eggs}', '$\\boxed{18}$ eggs', '18 \\text{eggs}', '$18 \\text{ eggs}$', '$18$ \\text{eggs}'],
        *['18$\\,$eggs', '18&nbsp;', '18&nbsp;eggs', '18<br>', '18<br/>', '<p>18</p>', '18\u2028', '18\ufeff'],
        *['\ufeff18', '18\xad', '18\u2060eggs'],
    ],
    '1e-7': [
        *['10^{-7}', '10**-7', '10^-7', '10^(-7)', '1\\times10^{-7}', '1.0e-7', '1e-07', '.0000001', '0.0000001'],
        *['1/10^7', '1/10000000', '\\frac{1}{10^{7}}', '0.1\\times 10^{-6}', '1 \\cdot 10^{-7}', '1 × 10⁻⁷'],
        *['10⁻⁷', '1E-7', '1x10^-7', '1 x 10^{-7}'],
    ],
    '2': [
        *['\\sqrt{4}', '\\sqrt 4', '√4', '\\sqrt[3]{8}', '\\sqrt{4}=2', '2.0', 'two', 'Two.'],
    ],
    'no': [
        *['No', 'no', 'No.'],
    ],
    'All real numbers': [
        *['-\\infty<x<\\infty', 'x\\in\\mathbb{R}', '\\mathbf{R}', 'all reals', 'any real number'],
        *['(-\\infty,+\\infty)', 'x \\in \\mathbb R', 'all real numbers.', '\\text{All real numbers}'],
        *['$\\mathbb{R}$'],
    ],
    'B': [
        *['B', '(B)', 'B)', 'B.', 'B. 12', 'B: 12', '**B**', 'Option B', 'Answer: B', 'b', '(b)'],
        *['The answer is B', 'B - 12', '[B]', '{B}', '"B"', 'B (12)', '\\text{B}', '\\boxed{B}', 'Choice (B)'],
        *['B is correct', 'option b', 'B)12', '(B)12', '(B). 12'],
    ],
    '5': [
        *['5', 'five', '5.0', '$5', '5 apples', '\\$5.00', '5.', '+5', '(5)'],
    ],
    '1000': [
        *['1,000', '1000', '1 000', '1k', '1K', '$1,000.00', 'one thousand', 'a thousand', '1e3', '10^3'],
        *['1.000e3', '1 thousand', '1,000 dollars', '1,000.'],
    ],
    '2:3': [
        *['2:3', '2 : 3', '2 to 3', '2-to-3', '2∶3', '2：3', 'ratio 2:3', '2:3 ratio', 'The ratio is 2:3', '2:3.'],
        *['x:y = 2:3', 'A:B = 2:3'],
    ],
    '-5': [
        *['-5', '−5', '- 5', '(-5)', '−5 degrees', '-5°C', '-5 °F', 'negative five', 'minus five', '-$5'],
        *['-5 dollars', '-\\$5', '$−5$', '–5'],
    ],
    '1,234': [
        *['1234', '1,234', '1 234', '1,234.00', '$1,234', '1234.0', '1\u202f234', '1’234', "1'234"],
    ],
}  # fmt: skip
WRONG: dict[str, list[str]] = {
    'no': [
        *['on', 'on.', 'yes'],
    ],
    '18': [
        *['(2,\\infty)', '18, x', '(18, x)', '18, y, z', 'lambda: 18', 'Step: 18', 'minus 18', 'It is minus 18'],
        *['The cost is base 18', 'is it 18 or 19', 'the total is over 18', '-18', '18,x', '(18,\\infty)'],
        *['[18,\\infty)', '18, \\pi', 'half of 18', 'Question: 18', '18%', '18 %', '18 percent', '18.5', '180'],
        *['1 8', '018 7', '18-20', '18 – 20', '18 to 20', '18~20', '18..20', '18/20', '17/18', '18k'],
        *['18 thousand', '18 million', '18 dozen', '(−18)', '18 or 20', '18 & 20', '18, 20', '18 20', '18 (20)'],
        *['18 (not 20)', '18 + 2', '18+2=20', '18*2', '18x', '18y', '18 apples 3 pears', '18 apples, 3 pears'],
        *['18?', '18 ± 2', '18²', '√18', '18!', '≤18', '<18', '> 18', '~18', '≈18', 'about 18', 'around 18'],
        *['18ish', 'at most 18', 'up to 18', 'less than 18', '18 or less', '18 and above', '18+', '18-'],
        *['not 18', "isn't 18", '18 is wrong', 'wrong: 18', '0.18', '.18', '18e2', '18E-1', '18:30', '18h30'],
        *['18π', '18i', '18 mod 5', '18 (mod 5)', '18_9', '18 base 9', '0x18', '18 hex', 'XVIII', '18 17'],
        *['17 18', '18|17', '18;17', '18\\17', '18 vs 17', '18 then 17', '17 -> 18', '18 -> 17', '17=18'],
        *['x=17=18', '18=17', '19 - 1', '9*2', '9+9', '36/2'],
    ],
    'B': [
        *['A', 'C', '(C)', 'B or C', 'B and C', 'B, C', 'B/C', 'BC', 'B?C', 'not B', 'D. B', 'A) B', '12'],
        *['(A) 12', '8', 'E', 'B C', 'B & C', 'neither', 'B|C', 'A-B', 'B1', 'Bob'],
    ],
}  # fmt: skip


def accepted(expected: str, line: str) -> bool:
    found = extract(f"So far so good.\n#### {line}")
    return found.marked and found.answer is not None and decide(expected, found.answer)


@pytest.mark.parametrize(("expected", "line"), [(gold, line) for gold, lines in RIGHT.items() for line in lines])
def test_right(expected: str, line: str) -> None:
    assert accepted(expected, line)


@pytest.mark.parametrize(("expected", "line"), [(gold, line) for gold, lines in WRONG.items() for line in lines])
def test_wrong(expected: str, line: str) -> None:
    assert not accepted(expected, line)
