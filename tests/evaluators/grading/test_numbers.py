r"""Expected numbers: every way to write one that a careful person accepts, and what only looks like one."""

import pytest

from tests.support.answers import right, wrong

RIGHT = {
    "18": [
        *["18", "+18", "018", "18.0", "18.", "18,", "18;", "18..", "18…", "18。", "１８", "18\u200b", "18\r", " 18 "],
        *["**18**", "*18*", "__18__", "_18_", "`18`", '"18"', "'18'", "“18”", "(18)", "[18]", "{18}", "((18))", "（18）"],
        *["<18>", "< 18 >", "<answer>18</answer>", "<answer> 18", "<ans>18</ans>", "<number>18</number>", "[answer] 18"],
        *["18</s>", "18<|im_end|>", "18<|endoftext|>", "18<|eot_id|>", "18<eos>", "18</think>", "18</answer>", "18\\\\"],
        *["<<9*2=18>>18", "18 ✓", "✅ 18", "18 🎉", "👉 18", "18 (eighteen)", "eighteen", "Eighteen", "18 (dollars)", "18 [eggs]"],
        *[r"\text{18}", r"\mathbf{18}", r"{\bf 18}", r"\displaystyle 18", r"\displaystyle{18}", r"\large 18", r"\Large{18}"],
        *[r"\color{red}{18}", r"\textcolor{blue}{18}", r"\underline{18}", r"\left(18\right)", r"\,18\,", r"18\!", r"\ 18"],
        *[r"\{18\}", "$18$", r"\(18\)", r"\boxed{18}", r"\fbox{18}", r"18\text{.}", r"18 \ ", r"\bm{18}", r"\$18", "$18"],
        *["x = 18", "x=18.0", "x: 18", "n = 18", r"\text{Total} = 18", "Total = 18", "Total = $18", "Total: 18", "= 18", ": 18"],
        *["18 = x", "9*2 = 18", "9 × 2 = $18", "9 \\times 2 = 18", "36/2 = 18", "18 = 9*2", "x = 9*2 = 18", "20 - 2 = 18 eggs"],
        *["The answer is 18", "Answer: 18", "Final answer: 18", "The final answer is: 18", "answer = 18", "Ans: 18"],
        *["So the total is 18 eggs.", "It is 18", "She has 18 eggs left", "There are 18 eggs in all.", "Therefore, 18"],
        *["She makes $18 every day at the farmer's market.", "Ana sells 18 eggs", "Hence, the answer is 18."],
        *["18 is the answer", "18 is the final answer.", "18 -> done", "18 - done", "18 -- done", "18, because 9*2=18"],
        *["18 \\text{ eggs, since } 9\\cdot2", "18 since 9*2 = 18", "18; done", "\\therefore 18", "\\Rightarrow 18", "∴ x = 18"],
        *["1.8e1", "1.8 \\times 10^1", "f(3) = 18", "f(3)=18", "x_1 = 18", "AB = 18", "\\angle ABC = 18^\\circ", "P(A) = 18"],
        *["x = 18 \\text{ cm}", "Area of the square = 18", "\\text{Area} = 18\\text{ cm}^2", "\\sqrt{324}", "√324", "18 | done"],
    ],
    "10000": [
        *["10,000", "10,000.", "10 000", r"10\,000", r"10\ 000", "10{,}000", r"10,\!000", "10\u2009000", "10\u202f000", "$10,000.00"],
        *["10k", "10K", "10 k", "10 thousand", "10 grand", r"10\text{ thousand}", "1e4", "1.0E4", "1 \\times 10^4", "10^4", "10^{4}"],
        *["ten thousand", "Ten thousand dollars", "10,000 dollars", "0.01 million", "1.0*10^{4}", "10'000"],
    ],
    "125": ["one hundred twenty-five", "One hundred and twenty five", "1.25 hundred", "125."],
    "1500000": ["1.5 million", "1.5M", "1,500,000", "1.5 × 10^6", "15 lakh", r"\$1.5\text{ million}"],
    "-5": ["−5", "–5", "- 5", "(-5)", "-$5", "$-5", "-5.0", "-\\$5.00", "negative 5", "minus 5", "x=-5", "﹣5", "－5"],
    "0": ["0", "-0", "0.0", "+0", "zero", "0 eggs", "x=0", "$0"],
    "0.5": [".5", "0.50", r"\frac{1}{2}", r"\dfrac12", "1/2", "½", "5e-1", r"5\times10^{-1}", "x = 0.5", "0.5 miles", r"\frac 12"],
    "2.5": [r"2\tfrac12", r"2\frac{1}{2}", "2 1/2", "2½", "5/2", "2.50", "$2.50", r"2 \frac12", "2-1/2", "2 ½"],
    "-0.5": ["-1/2", r"-\frac12", r"\frac{-1}{2}", r"-\frac{1}{2}", "-½", r"\frac{1}{-2}"],
    "0.3333333333333333": ["1/3", r"\frac13", "0.3333", "0.33333", r"0.\overline{3}", "0.333..."],
    "0.3333": ["1/3", "0.3333", r"\frac{1}{3}"],
    "0.6666666667": ["0.6667", "2/3", "0.666667"],
    "0.30000000000000004": ["0.3", "3/10"],
    "0.0001": ["1e-4", r"10^{-4}", r"1\times10^{-4}", r"\frac{1}{10000}", "1/10000", "0.00010", r"\frac{1}{10^4}"],
    r"10^{-8}": ["0.00000001", "1e-8", r"1\cdot10^{-8}", r"\frac{1}{10^8}", r"\frac{1}{100000000}"],
    "2.5e7": [r"2.5\times10^{7}", "25000000", "25,000,000", "25 million", r"25 \cdot 10^6", "2.5E7", "2.5 x 10^7", "2.5*10^7"],
    r"1.23\times 10^6": ["1230000", r"1.23\cdot 10^{6}", "1.23e6", "1.23 million"],
    r"\frac{1}{2}": [r"\dfrac12", "1/2", "0.5", r"\frac{2}{4}", r"x=\frac12", "½", "(1/2)", r"\frac{1}{2}\text{ cup}", "{1 \\over 2}"],
    r"\frac{1}{3}": ["1/3", r"0.\overline{3}", "0.(3)", r"0.\dot{3}", "0.333...", r"0.333\ldots", "0.333333", "0.3\u0305", "⅓"],
    r"\frac{5}{2}": ["2.5", "2 1/2", r"2\frac12", "10/4", r"x=\frac{5}{2}", r"y = \frac52 = 2.5", "2½"],
    "137 \\frac{1}{2}": ["137.5", "275/2", "137 1/2", "137½"],
    r"0.\overline{3}": [r"\frac13", "1/3", "0.333..."],
    r"12.5\%": ["12.5", "12.5%", r"12.5 \%", "12.5 percent", "12.5 per cent", "12.5 pct", r"12.5\text{ percent}", "12½%"],
    "7 (apples)": ["7", "7 apples"],
    '["7"]': ["7"],
    "[7]": ["7"],
    r"\boxed{7}": ["7"],
    "4 + 3 = 7 #### 7": ["7"],
    "7.0": ["7"],
    "$7": ["7", "$7.00", "7 dollars"],
    "1,234": ["1234"],
    "025": ["25"],
    "seven": ["7", "Seven"],
    "14/2": ["7", "14/2"],
    "x = 7": ["7", "x=7"],
    "The answer is 7": ["7"],
    "52_8": ["52", "52_{8}", "52_{\\text{eight}}", "52 base 8", "52 (base 8)", "52 in base 8", r"52_{(8)}", "(52)_8", r"52_{\text{base } 8}"],
    "4210_{5}": ["4210", r"4210_{\text{five}}", "x = 4210_5"],
}
WRONG = {
    "18": [
        *["-18", "18.5", "18.0000001", "181", "1 8", "1,8", "1.8", "18 ½", "18 1/2", "17", "81", "0", "eighteen thousand", "18%"],
        *["9*2", "17+1", "36/2", r"\frac{36}{2}", "18/1", "2*9", r"9\cdot2", "20-2", "3^2*2", r"\sqrt{18}", "√18", "18^2", "18²", "18!"],
        *["x > 18", ">18", "≥18", "<18", r"x \ne 18", r"x\neq18", r"\le 18", r"x \leq 18", "≈18", "~18", r"\approx 18", r"\sim 18"],
        *["-x=18", "2x=18", "x^2=18", "17=18", "1=2=18", "x+1=18", "x=17, y=18", "17 or x=18", "x=17 or x=18", "18=17", "9+8=18"],
        *["17 \\Rightarrow n=18", r"17\to18", r"18 \to 17", "not 18", r"\text{not }18", "x<y=18", "about 18", "at least 18", "18 or more"],
        *["18 or 19", "18, 19", "18 19", "18; 19", "(18, 19)", "[18, 19]", "18-19", "17-18", "18:00", "18/19", "18 and 19", "18 | 19"],
        *["18 apples and 3 pears", "18 or so", "maybe 18", "18 approx.", "roughly 18", "between 17 and 18", "±18", "18 ± 1", "18+", "18-"],
        *["18x", "18xy", "18ab", "18i", "18e", "18 x", "18 pi", r"18\pi", "18abc", "18 abc", "x18", "18n", r"18\alpha", "18 x y", "18 pq"],
        *["18 thousand", "18 k", "18K", "18M", "18 million", "18 bil", "18 bn", "18 mio", "18 lakh", "18 crore", "18 dozen", "18 hundred"],
        *["18 thou", "18 tens", "18 twos", "18 milliard", "18 googol", "18 zillion", "18 mille", "18 gross", "18 myriad", "18 MM"],
        *["18 halves", "18 thirds", "18 sixths", "18 elevenths", "18 twelfths", "18 tenths", "18 hundredths", "18 ten-thousandths"],
        *["18 and a half", "18 point five", "18 over five", "18 over 5", "18 to one", "18 less than x", "18 choose two", "18 mod 5"],
        *["18 in binary", "18 in base 9", "18 (base 9)", "18 base ten", "18 hex", "18 squared", r"18\text{ squared}", "18 cubed", "18th"],
        *["18 percent", "18 basis points", "18 permille", "18‰", "18 factorial", "18 times x", "18 plus tax", "18 mod", "18 below zero"],
        *["18 (mod 20)", r"18 \pmod{20}", "18 (or 19)", "18 (thousand)", "18 (in thousands)", "18_9", "18 at most", "18 万", "18万", "18百"],
        *[r"\phantom{18}7", r"7\phantom{18}", r"\overline{18}", "|18|+1", r"18 \& 7", "18 of 20", "half of 18", "twice 18", "the square of 18"],
        *["Step 18", "not 17 but 18", "18, not 19", "18, no, 17", "18 is wrong", "18 is not the answer", "negative 18", "minus 18", "--", "?"],
    ],
    "42": ["17+25", "6*7", "84/2", "17+25=41", "17 + 25", "6·7"],
    "0.5": ["2/4", "50%", "1/0", "0.51", "0,5", "0.4999999"],
    "3.14": ["3.1416", r"\pi", "3.1", "3.142", "22/7"],
    "0.18": ["18%", r"18\%"],
    "1234": ["12,34", "1.234", "1,2,3,4", "123 4"],
    "123": ["0,123", "1,23"],
    "12": ["1,2", "12,000", "12k"],
    "18/19": ["18", "19", "18-19", "19/18", "0.947"],
    r"\frac{1}{2}": [
        *["0.5001", "0.51", "0.49", "1/3", r"-\frac12", "2", r"-x=\frac12", r"2x=\frac12", r"\frac13=\frac12", r"x^2=\frac12", r"\le\frac12"],
        *[r"\frac12\text{ million}", r"\frac12 \text{ dozen}", r"\frac12 \text{ of } 7", r"\frac12 \text{ or } \frac13", r"\frac12, \frac13"],
        *[r"\frac12 x", r"\frac12 + C", r"\frac12\sqrt(3)", r"\frac12\log(3)", r"\sqrt \frac12", r"\lfloor\frac12\rfloor", r"\sim\frac12"],
        *[r"7\phantom{\frac12}", r"\overline{\frac12}", r"\frac12 \& 7", r"x=\frac13, y=\frac12", r"\cos 60", r"\frac14+\frac14", "1-1/2"],
        *["50%", r"\frac12\%", r"\frac12!", r"\pm\frac12", r"\frac{1}{2}^2", "1:2", "1-2", r"\frac12 \text{ squared}"],
    ],
    r"\frac{1}{3}": ["0.33", "0.3333", "0.3", "0.34", "33%", "0.333333333334"],
    r"12.5\%": ["0.125", "1/8", "12.5%%x", "12.6%", "125%"],
    "1e-7": ["0", "0.0", "1e-8", "2e-7", "10^{-8}"],
    "6.02\\times 10^{23}": ["6.02\\times 10^{22}", "6.02", "6.03e23"],
    "52_8": ["52_9", "42", "52_{10}", "25_8"],
    "3": ["11_2", "3_4"],
}


@pytest.mark.parametrize(("expected", "answer"), [(gold, answer) for gold, answers in RIGHT.items() for answer in answers])
def test_right(expected: str, answer: str) -> None:
    right(expected, answer)


@pytest.mark.parametrize(("expected", "answer"), [(gold, answer) for gold, answers in WRONG.items() for answer in answers])
def test_wrong(expected: str, answer: str) -> None:
    wrong(expected, answer)
