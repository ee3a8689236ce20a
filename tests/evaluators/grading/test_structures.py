# ruff: noqa: E501  tables of cases, a row a line
r"""Expected expressions, equations, lists, tuples, sets, intervals and matrices."""

import pytest

from tests.support.answers import cases, right, wrong

RIGHT = {
    "x^2": [r"x \cdot x", "x*x", "x**2", "x²", "x^{2}", "f(x)=x^2", "y = x^2", "x x"],
    "2x": ["2*x", r"2 \cdot x", "x+x", "f(x)=2x", "2 x", "y=2x", "x*2", r"2\,x"],
    "x^2-1": ["(x-1)(x+1)", "(x+1)(x-1)", "-1+x^2", r"x^{2} - 1", r"(x-1)\cdot(x+1)", "x² − 1", "x^2 – 1"],
    r"\frac{x+1}{2}": ["(x+1)/2", r"\frac{1+x}{2}", r"\frac{1}{2}(x+1)", r"\frac12 x + \frac12", "0.5(x+1)", "0.5x+0.5"],
    r"\frac{11+9a}{20}": ["(9a+11)/20", r"\frac{9a+11}{20}", r"0.55 + 0.45a"],
    r"\frac{\sqrt{3}}{3}": ["√3/3", r"\frac{1}{\sqrt{3}}", r"\frac{\sqrt3}{3}", r"\sqrt{\frac13}", r"\sqrt{1/3}", "sqrt(3)/3", "1/√3", r"3^{-1/2}"],
    r"\frac{\sqrt{2}}{2}": [r"\frac{1}{\sqrt2}", "√2/2", r"\sqrt{0.5}", r"\sin 45^\circ", r"\cos\frac{\pi}{4}", r"2^{-\frac12}"],
    r"11\sqrt2": [r"\sqrt{242}", "11√2", r"11 \sqrt{2}", "11*sqrt(2)", r"11\cdot\sqrt{2}", r"\sqrt{2}\cdot 11", "√242"],
    r"1 + \sqrt{2}": [r"\sqrt{2} + 1", r"\sqrt2+1", "1+√2", "√2 + 1", r"x = 1+\sqrt2"],
    "2^{10}": ["1024", "2^10", "2**10", "1,024", "4^5"],
    r"\binom{10}{3}": ["120", r"\dbinom{10}{3}", r"\frac{10!}{3!7!}", r"\binom{10}{7}", r"{10 \choose 3}"],
    "5!": ["120", "5!", r"5\cdot4\cdot3\cdot2\cdot1"],
    "1+2i": ["1 + 2i", "2i+1", "1+2 i", r"1+2\cdot i", "1+i2", r"z=1+2i", "1+2*i", r"1 + 2\mathrm{i}"],
    "6+9i": ["9i+6", "3(2+3i)", "6 + 9i"],
    "3i": [r"3\cdot i", "i3", "3 i", "0+3i", r"3\text{i}"],
    r"\frac{1+i}{2}": [r"\frac{1}{2}+\frac{1}{2}i", r"\frac{1}{2}+\frac{i}{2}", "(1+i)/2", "0.5+0.5i", r"\frac12(1+i)"],
    "i^2": ["-1"],
    "a_i": ["a_{i}"],
    "x_1+x_2": ["x_2+x_1", "x_{1}+x_{2}", "x₁ + x₂"],
    r"\sqrt{1/n}": [r"\frac{1}{\sqrt{n}}", r"n^{-1/2}", r"\sqrt{\frac{1}{n}}"],
    r"\log_2 3": [r"\frac{\ln 3}{\ln 2}", r"\log_{2}{3}", r"\log_2(3)", r"\frac{\log 3}{\log 2}"],
    r"\sin^2 x+\cos^2 x": ["1"],
    r"\sin(2x)": [r"2\sin x\cos x", r"\sin 2x", r"2\sin(x)\cos(x)"],
    r"\cot x": [r"\frac{\cos x}{\sin x}", r"\frac{1}{\tan x}", r"\cot(x)", r"\cot{x}"],
    r"\sqrt{2}": [r"\sqrt{2} \approx 1.41", r"x=\sqrt{2}\approx 1.4142"],
    "e^{2}": ["e^2", r"\exp(2)", "e*e"],
    r"\phi": [r"\varphi"],
    r"\vec{a}": [r"\vec{a}"],
    r"\pi(R^2-r^2)": [r"\pi R^2 - \pi r^2", r"\pi (R-r)(R+r)", r"(R^2-r^2)\pi"],
    "GMm": ["G M m", "mMG", r"G\cdot M\cdot m"],
    "xy": ["yx", r"x \cdot y", "x*y", "x y"],
    r"\pi": ["3.141593", "3.141592", "3.14159265358979", r"\pi"],
    r"1+2\sqrt{2}": ["3.828427", "3.8284271247"],
    r"\infty": [r"+\infty", "∞", "infinity"],
    r"-\infty": ["-∞"],
    r"\frac{1}{2}+C": [r"C+\frac12", "1/2 + C"],
    "x=5": ["5", "x = 5", "5 = x", "5.0", "x=5.0"],
    "y=2x+3": ["f(x)=2x+3", "2x+3", "y = 3+2x", "2x - y + 3 = 0", "y-2x=3", "y - 3 = 2x", "2y=4x+6", "y=2x+3"],
    "2x+4y-3=0": ["4x+8y-6=0", r"y=-\frac{1}{2}x+\frac{3}{4}", "2x+4y=3", "-2x-4y+3=0", "3 = 2x+4y", "x+2y=1.5"],
    "5x=10": ["3x=6", "x=2", "10=5x"],
    "x^2+y^2=25": ["y^2+x^2=25", "x^2+y^2-25=0", "25 = x^2+y^2"],
    "1,2": [r"1\text{ and }2", "2,1", "1 and 2", "1, 2", "{1,2}", r"\{1,2\}", "x=1, x=2", "x_1=1, x_2=2", "x=1 or x=2", "x = 1, 2", "1 or 2"],
    r"1,-2": ["-2,1", "-2 and 1", r"x=1\text{ or }x=-2", r"x = -2, x = 1", r"\{-2, 1\}", r"x \in \{1,-2\}"],
    "1,2,3": [r"\{1,2,3\}", "3,2,1", "1, 2, and 3", "[1, 2, 3]", r"1, 2 \text{ and } 3", "1;2;3"],
    r"\{1,2,3\}": ["1,2,3", "{3,2,1}", r"\left\{1,2,3\right\}", r"\{ 3, 1, 2 \}"],
    r"\pm 2": ["2,-2", "2 and -2", "-2, 2", r"x=\pm2", r"\pm 2", "±2", "x=2 or x=-2", r"\{2,-2\}", r"+2, -2"],
    r"\pm 2 i": ["2i, -2i", "±2i", "-2i and 2i"],
    r"1 \pm \sqrt{19}": [r"1+\sqrt{19}, 1-\sqrt{19}", r"\{1-\sqrt{19},1+\sqrt{19}\}", r"x = 1 \pm \sqrt{19}", "1±√19"],
    r"\{1\pm\sqrt{5},-2\}": [r"-2, 1+\sqrt5, 1-\sqrt5", r"\{-2, 1 \pm \sqrt{5}\}"],
    "1+i,1-i": ["1-i,1+i", r"1 \pm i"],
    "19, 46, \\text{ and } 82": ["19, 46, 82", "19, 46, and 82", "82, 46, 19"],
    "(3,5)": ["P(3,5)", "the point (3, 5)", r"\text{the point }(3,5)", "(3, 5)", "(3;5)", "（3，5）", r"\left(3,5\right)", "x=3, y=5", "(x,y)=(3,5)", r"\langle 3,5\rangle", "(3.0, 5)", r"(x, y) = (3, 5)"],
    "(x,y)=(1,2)": ["(1,2)", "x=1, y=2", "y=2, x=1", r"x=1\text{ and }y=2"],
    r"\left( 3, \frac{\pi}{2} \right)": [r"(3,\frac{\pi}{2})", r"(3, \pi/2)", r"(3, 0.5\pi)"],
    "(1,2),(3,4)": ["(3,4),(1,2)", "(1,2) and (3,4)", r"\{(1,2),(3,4)\}", r"(1, 2), (3, 4)", r"(1,2)\text{ and }(3,4)"],
    "(1,-16,-4,43)": ["(1, -16, -4, 43)"],
    "(0,12.5)": ["0<x<12.5", r"0 < x < \frac{25}{2}", "(0, 25/2)"],
    "x<3": [r"(-\infty,3)", "3>x", "x < 3", r"x\in(-\infty,3)", r"\{x \mid x<3\}", r"x\lt 3"],
    r"[2,\infty)": [r"x \ge 2", r"x\geq2", "x >= 2", "2 ≤ x", "[2, ∞)", r"[2,+\infty)", r"x \geqslant 2"],
    "[2,5)": [r"x \ge 2 \text{ and } x < 5", "x<5 and x>=2", r"2\le x<5"],
    "[-2,7]": [r"x\in[-2,7]", r"-2\le x\le 7", r"-2 \leq x \leq 7", r"\left[-2,7\right]", r"7 \ge x \ge -2"],
    r"x \in [-2,7]": ["[-2,7]", r"-2\le x\le7"],
    r"(-\infty, 2) \cup (3, \infty)": [r"x<2 \text{ or } x>3", r"(3,\infty)\cup(-\infty,2)", "x < 2 or x > 3", r"(-∞,2)∪(3,∞)", r"x \in (-\infty,2)\cup(3,\infty)"],
    r"(-\infty,0)\cup(0,\infty)": [r"x \ne 0", r"x\neq 0", r"\mathbb{R}\setminus\{0\}"],
    r"(-\infty,\infty)": [r"\mathbb{R}", "all real numbers", r"\mathbb R", "ℝ", r"x\in\mathbb{R}", "All reals", r"\text{all real numbers}"],
    "All real numbers": [r"\mathbb{R}", r"(-\infty,\infty)", "all reals", r"\text{all real numbers}"],
    r"\left(\frac{3}{5},\frac{8}{3}\right]": ["(0.6, 8/3]", r"\frac35 < x \le \frac83"],
    "D = (0, 1)": ["(0,1)", "D=(0,1)"],
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": [
        r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"A=\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\left(\begin{matrix}1&2\\3&4\end{matrix}\right)", r"\left[\begin{array}{cc}1&2\\3&4\end{array}\right]",
    ],
    r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}": [r"\begin{pmatrix}-\frac13\\\frac23\end{pmatrix}"],
    "F_n = \\sum_{k=0}^{n-1} F_k": [r"F_n=\sum_{k=0}^{n-1}F_k"],
    "y''+y=0": ["y''+y=0", "y'' + y = 0", "y+y''=0"],
    r"\frac{dy}{dx}": [r"\frac{dy}{dx}"],
    "p - q": ["p-q", "-q+p"],
    "2k+2": ["2(k+1)", "2 + 2k"],
    r"3R^2": ["3 R^2", r"3\cdot R^2"],
    "(0,10^{-8})": ["(0, 0.00000001)", "(0,1e-8)", r"(0, 1\cdot 10^{-8})"],
    "x=10^{-8}": ["10^{-8}", "x=1e-8", "0.00000001", r"x = 10^{-8}"],
}  # fmt: skip
WRONG = {
    "R-r": ["r-R", "0", "R-R", "r-r"],
    "K-k": ["0"],
    "GMm": ["gmm", "GmM2", "GM", "Gmm"],
    "0": ["y''-y=0", "xy-z=0", "x-y=0", "ab=0", "x=1"],
    "(x,y)=(1,2)": ["1<x<2", "(2,1)", "x=2, y=1"],
    "no": ["on"],
    "G M m": ["g m^2", "GM^2", "gmm"],
    "M+m": ["2m", "2M"],
    r"\frac{R}{r}": ["1", r"\frac{r}{R}", r"\frac{r}{r}"],
    r"\frac{V_R}{V_r}": ["1", r"\frac{V_r}{V_R}"],
    "T_A-T_a": ["0", "T_a-T_A"],
    r"\pi(R^2-r^2)": [r"\pi(r^2-R^2)", "0"],
    r"\frac{dy}{dx}": ["0", r"\frac{dx}{dy}", r"\frac{y}{x}", r"\frac{dy}{dt}"],
    "y''+y=0": ["y''-y=0", "y'+y=0", "y+y=0", "0=0", "y=0"],
    r"\sqrt{2}": [r"\sqrt{2} \approx 7", r"\sqrt{3}\approx 1.41", r"x\approx 1.41"],
    "x^2": ["x", "2x", "x^3", "2^x", "X^2", r"x \cdot y", "y^2"],
    "2x": ["2", "x", "2y", "2X", "2x+1", "g(x)=3x", "-y=2x", "2x \\text{ million}"],
    r"\frac{x+1}{2}": ["x+1/2", "x+1", r"\frac{x}{2}+1", r"\frac{x+1}{3}"],
    r"\frac{\sqrt{3}}{3}": ["0.577", "0.57735", r"\sqrt{3}", r"\frac{\sqrt3}{2}"],
    r"\pi": ["3.14", "3.14159", "22/7", "3.141594"],
    r"1 + \sqrt{2}": [r"\sqrt{3}", "2.4142", r"1-\sqrt2", r"1+\sqrt{2}x", r"1+\sqrt{2}, 1-\sqrt2", r"1\pm\sqrt2"],
    "1+2i": ["1+2", "1-2i", "2+i", "1+2I", "3i", "3"],
    "6+9i": ["6-9i", "9+6i", "15"],
    "a_i": ["a_j", "ai", "a", "A_i"],
    "p-q": ["q-p", "p+q"],
    "a-b": ["b-a"],
    r"\vec{a}": [r"\vec{b}", "a"],
    "|x|": ["x", "-x"],
    "x": [r"\sqrt{x^2}", "|x|", "y", "X"],
    r"\frac{1}{2}+C": [r"\frac{1}{2}", "C", r"\frac12+c", r"\frac12 C"],
    r"\log_2 3": [r"\log_3 2", r"\ln 3", "1.585"],
    r"\frac{2^{2005}+1}{3 \cdot 2^{2006}}": [r"\frac{1}{3 \cdot 2^{2006}}", r"\frac16"],
    r"\frac{2^{1000}}{3}": [r"\frac{2^{1000}}{3}+1"],
    "1/2^{98}": ["1/2^{99}", "x = 1/2^{99}", "0", "0.000000", "0.000000000"],
    "x=5": ["y=5", "x=6", "2x=10", "-x=5", "x>5", "x", "x=5, y=3", "5x"],
    "y=2x+3": ["f(x)=2x-3", "x=2x+3", "2x-3", "y=2x-3", "y=3x+2", "x=2y+3", "2x+3=0", "y", "y<2x+3", "Y=2X+3"],
    "2x+4y=3": ["2x+4y", "3", "2x+4y=4", "2x-4y=3", "0=0", "2x+4y<3"],
    "3x-y+13=0": ["3x+4y+14=0", "3x-y=13", "13"],
    "1,2": ["1", "2", "1,3", "1,2,3", "(1,2)", "12", "1.2", "x=1, y=2", "[1,2]", "1<x<2", "3", "1:2", "1-2"],
    r"\{1,2,3\}": [r"\{1,2,3,4\}", r"\{1,2\}", "123", "1,2,4", "(1,2,3)", r"\{1,2\} \{3\}"],
    r"\pm 2021": ["2021", "-2021"],
    r"\pm 2": ["2", "-2", "2, 2", r"\pm 4"],
    "19, 46, \\text{ and } 82": ["21, 36, and 82", "19, 46", "19, 46, 83"],
    "(3,5)": ["(5,3)", "3", "5", "[3,5]", "(3,5,0)", r"\{3,5\}", "(3,6)", "35", "8", "3/5", "(3.5)", "x=5, y=3"],
    "(1,2),(3,4)": ["(1,4),(3,2)", "(1,2)", "(2,1),(3,4)", "1,2,3,4", "(1,2,3,4)"],
    "(0,10^{-8})": ["(0,0)", r"(0, 2\cdot10^{-8})", "(0,10^{-7})", "0"],
    r"\{10^{-8}\}": [r"\{10^{-9}\}", r"\{0\}"],
    "x=10^{-8}": ["x=0", "0", "x=10^{-9}"],
    r"6.626\times10^{-34}": ["0", r"6.626\times10^{-33}", r"6.63\times10^{-34}"],
    "x<3": ["True", "x<4", "x>3", r"x\le 3", "3", "3<x", "y<3", "x=3", r"(-\infty,3]", "x<3 or x>5"],
    "[2,5)": [r"x \ge 2 \text{ and } x \le 5", r"x \le 2 \text{ and } x > 5", r"x\ge 2", "x>=2 or x<5", "[2,5]", "(2,5)", "(2,5]", "2,5", "[2,6)", "2<x<5"],
    "[-2,7]": ["(-2,7)", "[2,7]", "[-2,7)", "-2,7"],
    r"[2,\infty)": ["x>2", r"(2,\infty)", "2", r"x\le2", r"\infty"],
    r"(-\infty, 2) \cup (3, \infty)": [r"(-\infty,2)", r"(2,3)", r"(-\infty,2]\cup[3,\infty)", "x<2 and x>3"],
    "D = (0, 1)": ["D = (0, 1.5)", "(1,0)", "E=(0,1)"],
    "F_n = \\sum_{k=0}^{n-1} F_k": [r"F_n = \sum_{k=0}^{n-2} F_k", "F_n"],
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": [
        r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 5 \end{pmatrix}", "(1,2,3,4)",
        r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}", "-2", r"\begin{pmatrix} 1 & 2 & 3 & 4 \end{pmatrix}",
    ],
    r"\begin{pmatrix}1\\2\end{pmatrix}": [r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}", "3"],
    r"\infty": [r"-\infty", "0", "1"],
    "x+1": ["x+2", "9^{9^{9^9}}", "x+1+y", "(10^9)!", r"\int_0^1 x dx"],
}  # fmt: skip


@pytest.mark.parametrize(("expected", "answer"), cases(RIGHT))
def test_right(expected: str, answer: str) -> None:
    right(expected, answer)


@pytest.mark.parametrize(("expected", "answer"), cases(WRONG))
def test_wrong(expected: str, answer: str) -> None:
    wrong(expected, answer)


ITEMS = [
    r"\frac{1}{2}",
    r"\sqrt{3}",
    r"\theta",
    r"\pi",
    r"\sin x",
    r"2\cos\theta",
    r"\log_2 3",
    "x^2",
    "18",
    "0.75",
    r"\binom{n}{2}",
    r"\alpha_1",
]
SHAPES = [
    "{}, 5",
    "({}, 5)",
    r"\{{{}, 5\}}",
    r"\begin{{pmatrix}}{}\\5\end{{pmatrix}}",
    "y = {}",
    "f(t) = {}",
    "[{}, 100]",
    "{}, 5, 6",
    "{}",
]


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("change", ["-{}", "- {}", "-({})", "{}!", "{}'", "3{}", "not {}", "{}?"])
def test_no_item_is_compared_as_words(item: str, shape: str, change: str) -> None:
    """A comparison of words ignores signs, marks and the case of letters."""
    right(shape.format(item), shape.format(item))
    if (shape, change) != ("{}", "{}'"):  # 18' is a number and a stray quote
        wrong(shape.format(item), shape.format(change.format(item)))


@pytest.mark.parametrize("item", [r"\sqrt{R}", r"\frac{A}{2}", r"\Delta", r"\frac{R}{r}", r"\sin X"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_case_of_letters_counts_in_items(item: str, shape: str) -> None:
    wrong(shape.format(item), shape.format(item.lower()))
