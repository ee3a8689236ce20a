"""Measures the seconds that the grader takes for a batch of completions, some of which waste time.

    python benchmarks/grading.py [--completions 256] [--bombs 32] [--rounds 5] [--out FILE.md]

Bombs are answers that are written to waste time: towers of powers, expansions, nested radicals, integrals, huge
factorials. No two of them are the same. The batch is graded twice, because the second time finds known answers.
"""

import argparse
import time
from collections import Counter, defaultdict
from itertools import count, islice

from benchmarks.page import Page, spread, takes_out
from evaluators.grading.grader import Grader
from evaluators.types import Verdict

Item = tuple[str, str]
EXPECTED = ("18", "x^2+1", r"\left( 3, \frac{\pi}{2} \right)", r"\frac{\sqrt{3}}{2}")
RIGHT = ("18", "1+x^2", r"(3, \dfrac{\pi}{2})", r"\sqrt{\frac{3}{4}}")
BOMBS = (
    "9^{{9^{{9^{n}}}}}",
    "(1+x)^{{1000+{n}}}",
    r"x(1+\sqrt{{2}}+\sqrt{{3}}+\sqrt{{{n}}})^{{19}}",
    r"\int \frac{{\sin(x^{n}) e^{{x^5}}}}{{\sqrt{{x^{{11}}+x+1}}}} dx",
    "99999{n}!",
    r"\sqrt[{n}]{{1+\sqrt{{2+\sqrt[3]{{3+\sqrt{{5+\sqrt{{x}}}}}}}}}}",
    r"(x+y+z+a+b+c+{n})^{{20}}",
    r"\prod_{{k=1}}^{{1000}} (x+k+{n})",
)


def batch(completions: int, bombs: int) -> list[Item]:
    """Expected answers and completions. ``bombs`` of them are different bombs, evenly spread.

    Two thirds of the others are correct.
    """
    made = (BOMBS[n % len(BOMBS)].format(n=n + 2) for n in count())
    heavy = ((EXPECTED[1 + n % 3], answer) for n, answer in enumerate(islice(made, bombs)))
    items = []
    for n in range(completions):
        if n * bombs // completions < (n + 1) * bombs // completions:
            expected, answer = next(heavy)
        else:
            expected, answer = EXPECTED[n % 4], RIGHT[n % 4] if n % 3 else f"{RIGHT[n % 4]}+{n}"
        items.append((expected, rf"So it is $\boxed{{{answer}}}$."))
    return items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=256)
    parser.add_argument("--bombs", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    takes_out(parser)
    given = parser.parse_args()
    items = batch(given.completions, given.bombs)
    page = Page(
        "Grading of answers that waste time",
        f"Of {given.completions} completions, {given.bombs} have an answer that is written to waste time, each a "
        f"different one. The table shows the median and range of {given.rounds} rounds, each in a new grader.",
    )
    taken: dict[str, list[float]] = defaultdict(list)
    found: dict[str, Counter[Verdict]] = {}
    for _ in range(given.rounds):
        with Grader() as grader:
            for what in ("the first time", "again"):
                started = time.perf_counter()
                found[what] = Counter(grade.strict for grade in grader.grade(items))
                taken[what].append(time.perf_counter() - started)
    rows = [
        [what, spread(taken[what]), str(verdicts[Verdict.CORRECT]), str(verdicts[Verdict.WRONG])]
        for what, verdicts in found.items()
    ]
    page.table(("", "seconds", "correct", "wrong"), rows)
    page.end(given.out)


if __name__ == "__main__":
    main()
