"""A batch of completions with bombs among them: the seconds that the grader takes, for the first time and again.

    python benchmarks/grading.py [--completions 256] [--bombs 32] [--raw]

Bombs are answers made to burn time: towers of powers, expansions, nested radicals, integrals, huge factorials. All
differ. ``--raw`` takes only those that no look at the text refuses, so that each is tried.
"""

import argparse
import time
from collections import Counter
from itertools import count, islice

import psutil

from evaluators.grading.effort import hopeless
from evaluators.grading.grader import Grader
from evaluators.grading.process import children
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
UNREFUSED = (2, 5, 6)
"""Of the bombs: those that nothing but their comparison tells."""


def batch(completions: int, bombs: int, *, raw: bool = False) -> list[Item]:
    """``bombs`` of the completions are bombs, no two alike, spread evenly; of the others two thirds are right."""
    kinds = [BOMBS[place] for place in UNREFUSED] if raw else BOMBS
    made = (kinds[n % len(kinds)].format(n=n + 2) for n in count())
    heavy = ((EXPECTED[1 + n % 3], answer) for n, answer in enumerate(islice(made, bombs)))
    items = []
    for n in range(completions):
        if n * bombs // completions < (n + 1) * bombs // completions:
            expected, answer = next(heavy)
        else:
            expected, answer = EXPECTED[n % 4], RIGHT[n % 4] if n % 3 else f"{RIGHT[n % 4]}+{n}"
        items.append((expected, rf"So it is $\boxed{{{answer}}}$."))
    return items


def cpu_seconds(grader: Grader) -> float:
    """Of the processes that grade, since they were started."""
    if grader._process is None:
        return 0.0
    worker = psutil.Process(grader._process.pid)
    return sum(worker.cpu_times()[:4]) + sum(sum(child.cpu_times()[:2]) for child in worker.children())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=256)
    parser.add_argument("--bombs", type=int, default=32)
    parser.add_argument("--raw", action="store_true")
    given = parser.parse_args()
    items = batch(given.completions, given.bombs, raw=given.raw)
    refused = sum(hopeless(expected, text[14:-3]) for expected, text in items)
    with Grader() as grader:
        print("| | seconds | CPU seconds | correct | wrong | timeout |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        for what in ("with the start of the processes", "the same again"):
            started, before = time.perf_counter(), cpu_seconds(grader)
            verdicts = Counter(grade.strict for grade in grader.grade(items))
            seconds = time.perf_counter() - started
            told = [str(verdicts[kind]) for kind in (Verdict.CORRECT, Verdict.WRONG, Verdict.TIMEOUT)]
            print(f"| {what} | {seconds:.2f} | {cpu_seconds(grader) - before:.2f} | {' | '.join(told)} |")
    told = f"{given.completions} completions, {given.bombs} of them bombs, {refused} refused by their text alone"
    print(f"\n{told}; {children()} processes")


if __name__ == "__main__":
    main()
