r"""A strict parser from the LaTeX of one value or expression to a tree. Nothing is skipped or guessed.

A tree is a tuple: ``("num", Fraction)``, ``("sym", name)``, ``("const", "pi")``, or a name of
``arithmetic.OPERATIONS`` and trees. Letters keep their case and index:
``V_R``, ``V_r`` and ``V`` are three symbols. ``i`` and ``e`` are the numbers.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from evaluators.grading.notation import squeeze

Tree = tuple[Any, ...]

DEEPEST = 24
"""The maximum depth of brackets."""
_GREEK_TEXT = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar"
)
_FUNCTIONS_TEXT = "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log lg exp"
_GREEK = frozenset(_GREEK_TEXT.split())
_FUNCTIONS = frozenset(_FUNCTIONS_TEXT.split())
_TOKEN = re.compile(
    r"\s*(?:(?P<num>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)|(?P<cmd>\\[A-Za-z]+|\\[{}|])"
    r"|(?P<word>(?:sqrt|arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|ln|log|exp|pi|theta|alpha|beta|infinity)(?![A-Za-z]))"
    r"|(?P<let>[A-Za-z])|(?P<op>\*\*|[-+*/^_(){}\[\]|!'°]))"
)
_DERIVATIVE = re.compile(
    r"\\frac\s?\{\s?(?:\\text\{)?d\}?(?:\^\{?[2-9]\}?)?\s?[A-Za-z]?\s?\}\s?\{\s?(?:\\text\{)?d\}?\s?[A-Za-z](?:\^\{?[2-9]\}?)?\s?\}"
    r"|d[a-z]\s?/\s?d[a-z]|\\(?:vec|hat|bar|tilde|dot|ddot|widehat|overrightarrow|mathbf|boldsymbol|mathcal)\s?(?:\{[^{}]*\}|\\?[A-Za-z]+)"
)
_APPLIED = re.compile(r"([fghFGHPT])('*)(?:\^\{?-1\}?)?\s?\(([^()]*)\)")
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")


class NotFormula(ValueError):
    """The text is not an expression that can be read without guessing."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Tree:
    """The tree of a plain text.

    Raises:
        NotFormula: a symbol or word is unknown, the text is ambiguous, or brackets are too deep.
    """
    return _Parser(text).whole()


@lru_cache(maxsize=4096)
def parsed(text: str) -> Tree | None:
    """The result of :func:`parse`, or ``None``."""
    try:
        return parse(text)
    except NotFormula:
        return None


class _Parser:
    def __init__(self, text: str) -> None:
        self._opaque: list[str] = []
        text = re.sub(r"(?<![0-9])([1-9][0-9]{0,2}(?:,[0-9]{3})+)(?![0-9,])", lambda m: m[1].replace(",", ""), text)
        text = _DERIVATIVE.sub(self._hide, text)
        text = _APPLIED.sub(self._hide, text)
        text = re.sub(r"\\text\s?\{\s?([A-Za-z])\s?\}", r" \1 ", text)
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            if text[place] == "\0":
                self._tokens.append(("sym", self._opaque[ord(text[place + 1])]))
                place += 2
                continue
            found = _TOKEN.match(text, place)
            if found is None or (found["let"] and _LONG_WORD.match(text, found.start("let"))):
                raise NotFormula(f"{text[place : place + 10]!r} is not known")
            self._tokens.append((str(found.lastgroup), found[0].strip()))
            place = found.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> Tree:
        tree = self._sum()
        if self._at < len(self._tokens):
            raise NotFormula(f"{self._tokens[self._at][1]!r} is out of place")
        return tree

    def _hide(self, found: re.Match[str]) -> str:
        shown = re.sub("\0(.)", lambda mark: self._opaque[ord(mark[1])], found[0], flags=re.DOTALL)  # hidden before
        self._opaque.append(squeeze(shown))
        return f"\0{chr(len(self._opaque) - 1)}"

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise NotFormula("something is missing at the end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self._next()[1] != sign:
            raise NotFormula(f"{sign!r} is missing")

    def _sum(self) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotFormula("brackets stand too deep")
        tree = self._signed()
        while self._peek() in ("+", "-"):
            sign = self._next()[1]
            term = self._signed()
            tree = ("add", tree, term if sign == "+" else ("neg", term))
        self._depth -= 1
        return tree

    def _signed(self) -> Tree:
        minus = False
        count = 0
        while self._peek() in ("+", "-"):
            minus ^= self._next()[1] == "-"
            count += 1
        if count > 2:
            raise NotFormula("too many signs")
        tree = self._product()
        return ("neg", tree) if minus else tree

    def _product(self) -> Tree:
        tree = self._power()
        divided = False
        while True:
            sign = self._peek()
            if sign in ("*", "/"):
                self._next()
                right = ("neg", self._power()) if self._peek() == "-" and self._next() else self._power()
                tree = ("mul" if sign == "*" else "div", tree, right)
                divided = sign == "/"
            elif self._starts_factor():
                if divided or (self._kind() == "num" and tree[0] in ("num", "frac")):
                    raise NotFormula("it is not clear what belongs to the fraction or the number")
                mixed = tree[0] == "num" and self._peek() == r"\frac" and self._tokens[self._at - 1][0] == "num"
                right = self._power()
                tree = ("add" if mixed and right[0] == "frac" and _proper(right) else "mul", tree, right)
            else:
                return tree

    def _starts_factor(self) -> bool:
        if self._kind() in ("num", "let", "word", "sym"):
            return True
        sign = self._peek()
        return sign in ("(", "{", "[") or (
            self._kind() == "cmd" and sign not in (r"\}", r"\|", r"\rfloor", r"\rceil", r"\le", r"\ge", r"\ne", r"\to")
        )

    def _power(self) -> Tree:
        tree = self._postfix(self._atom())
        if self._peek() in ("^", "**"):
            self._next()
            exponent = self._script()
            tree = self._postfix(("pow", tree, exponent))
            if self._peek() in ("^", "**"):
                raise NotFormula("one power stands on another without brackets")
        return tree

    def _script(self) -> Tree:
        """An exponent: a group, a symbol, or a whole number, as people usually mean it."""
        return ("neg", self._atom()) if self._peek() == "-" and self._next() else self._atom()

    def _postfix(self, tree: Tree) -> Tree:
        while self._peek() in ("!", "°"):
            sign = self._next()[1]
            tree = (
                ("factorial", tree) if sign == "!" else ("mul", tree, ("div", ("const", "pi"), ("num", Fraction(180))))
            )
        return tree

    def _atom(self) -> Tree:
        kind, sign = self._next()
        if kind == "num":
            return ("num", Fraction(sign))
        if kind == "sym":
            return ("sym", sign)
        if kind == "let":
            return self._symbol(sign)
        if kind == "word":
            return self._command("\\" + sign.replace("infinity", "infty"))
        if kind == "cmd":
            return self._command(sign)
        return self._bracketed(sign)

    def _bracketed(self, sign: str) -> Tree:
        closing = {"(": ")", "[": "]", "{": "}", "|": "|"}.get(sign)
        if closing is None:
            raise NotFormula(f"{sign!r} is out of place")
        tree = self._sum()
        self._expect(closing)
        return ("abs", tree) if sign == "|" else ("group", tree)

    def _symbol(self, name: str) -> Tree:
        indexed = False
        if self._peek() == "_":
            self._next()
            name += "_" + self._index()
            indexed = True
        while self._peek() == "'":
            name += self._next()[1]
        if not indexed and name in ("i", "e"):
            return ("const", name)
        return ("sym", name)

    def _index(self) -> str:
        if self._peek() != "{":
            return self._next()[1]
        self._next()
        parts: list[str] = []
        while self._peek() not in ("}", ""):
            parts.append(self._next()[1])
        self._expect("}")
        return "".join(parts)

    def _group(self) -> Tree:
        """An argument of a command: a group, or one digit or symbol."""
        if self._kind() == "num":
            digits = self._peek()
            if "." in digits:
                raise NotFormula(f"{digits} without braces may be one argument or several")
            self._tokens[self._at : self._at + 1] = [("num", digit) for digit in digits]  # \frac12 are two arguments
            return ("num", Fraction(self._next()[1]))
        return self._atom()

    def _command(self, sign: str) -> Tree:
        name = sign[1:]
        if name in ("frac", "binom"):
            above = self._group()
            return (name, above, self._group())
        if name == "sqrt":
            return self._root()
        if name in _FUNCTIONS:
            return self._function(name)
        if name in ("pi", "infty"):
            return ("const", name)
        if name in _GREEK:
            return self._symbol("\\" + name)
        if name in ("lfloor", "lceil"):
            tree = self._sum()
            self._expect(rf"\r{name[1:]}")
            return (name[1:], tree)
        raise NotFormula(f"{sign} is not known")

    def _root(self) -> Tree:
        degree: Tree = ("num", Fraction(2))
        if self._peek() == "[":
            self._next()
            degree = self._sum()
            self._expect("]")
        return ("root", self._group(), degree)

    def _function(self, name: str) -> Tree:
        base: Tree | None = None
        power: Tree | None = None
        for _ in range(2):
            if self._peek() == "_" and name == "log" and base is None:
                self._next()
                base = self._group()
            elif self._peek() in ("^", "**") and power is None:
                self._next()
                power = self._script()
        bracket = self._peek() in ("(", "{", "[")
        argument = self._power() if bracket else self._argument()
        if bracket and argument[0] == "pow":
            raise NotFormula("it is not clear what the power belongs to")
        inverse = power in (("neg", ("num", Fraction(1))), ("group", ("neg", ("num", Fraction(1)))))
        if inverse and name in ("sin", "cos", "tan"):
            return ("arc" + name, argument)
        tree: Tree = (name, argument) if base is None else ("logbase", argument, base)
        return tree if power is None else ("pow", tree, power)

    def _argument(self) -> Tree:
        """The argument of ``\\sin`` without brackets: the factors up to the next function, sum or division."""
        tree = self._power()
        while self._starts_factor() and self._peek().lstrip("\\") not in _FUNCTIONS and self._peek() != "(":
            tree = ("mul", tree, self._power())
        return tree


def _proper(fraction: Tree) -> bool:
    """Whether this is a fraction of two positive integers below 1, as in a mixed number."""
    above, below = (part[1] if part[0] == "group" else part for part in fraction[1:])
    if above[0] != "num" or below[0] != "num":
        return False
    return bool(0 < above[1] < below[1])
