r"""Normalisation of Unicode symbols, LaTeX commands and wrappers around an answer.

This does not change the meaning of an answer. ``plain`` converts ``\dfrac``, full-width digits, thin spaces, degree
signs and the like to one form each, which all readers in this folder expect. It does not change unknown symbols, which
the readers refuse.
"""

import re
import unicodedata
from functools import lru_cache

_SPACES = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\r\n"
_SIGNS = str.maketrans(
    dict.fromkeys(_SPACES, " ")
    | dict.fromkeys("‐‑‒–−﹣－", "-")
    | {
        "。": ".",
        "、": ",",
        "…": "...",
        "〈": "<",
        "〉": ">",
        "《": "<",
        "》": ">",
        "【": "[",
        "】": "]",
        "「": '"',
        "」": '"',
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "′": "'",
    }
    | {"《": "<", "》": ">", "【": "[", "】": "]", "「": '"', "」": '"'}
    | {"⁄": "/", "∶": ":", "√": r"\sqrt ", "π": r"\pi ", "∞": r"\infty ", "±": r"\pm "}
    | {"×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "∪": r"\cup ", "∈": r"\in ", "∅": r"\emptyset "}
    | {"≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "⩽": r"\le ", "⩾": r"\ge ", "≈": r"\approx ", "→": r"\to "}
    | {"⇒": r"\to ", "ℝ": r"\reals ", "µ": r"\mu ", "μ": r"\mu ", "Ω": r"\Omega ", "º": "°"}
    | {"θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "φ": r"\phi "}
    | {"∘": r"\circ "}
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
TAG = re.compile(
    r"<[|｜][^<>|｜]{1,40}[|｜]>|<<[^<>\n=]{0,80}=[^<>\n]{0,80}>>|</?(?:[A-Za-z_]{2,20}|[sbip])(?:\s[^<>]{0,60})?/?>|\[/?(?:answer|ANSWER|INST|END)\]"
)
_ONE_LINE = (
    r"^\\begin\{(?:aligned|align\*?|gathered|split|equation\*?|array)\}(?:\{[lcr]\})?((?:(?!\\\\|&|\\begin).)*)"
    r"(?:\\\\\s?)?\\end\{[a-z]+\*?\}$"
)
"""An environment for several lines with a single line."""
_LINES = re.compile(r"\\begin\{(?:cases|aligned|gathered|split|align\*?)\}(.*)\\end\{[a-z]+\*?\}", re.DOTALL)
_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\.?", ""),
        (
            r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|rm|bf|it|tt|small|normalsize|[lL]arge|LARGE|[hH]uge)(?![A-Za-z])",
            "",
        ),
        (r"\\(?:text)?color\s*\{[^{}]*\}|\\(?:underline|bm|boldsymbol|ensuremath|hbox)(?=\s*\{)", ""),
        (r"\{\s*([^{}]+?)\s*\\over(?![A-Za-z])\s*([^{}]+?)\s*\}", r"\\frac{\1}{\2}"),
        (r"^([^{}]+?)\s*\\over(?![A-Za-z])\s*([^{}]+)$", r"\\frac{\1}{\2}"),
        (r"(?<=[0-9])\s*\{\s*(\\frac\s*\{[^{}]*\}\s*\{[^{}]*\})\s*\}", r" \1"),
        (r"\{\s*([^{}]+?)\s*\\choose\s+([^{}]+?)\s*\}", r"\\binom{\1}{\2}"),
        (r"(?:^|(?<=[ =]))~(?=\s?[-0-9])", r"\\approx "),
        (r"\\therefore(?![A-Za-z])|∴", ""),
        (r"\\!\s*", ""),
        (r"\{([,:])\}", r"\1"),
        (r"&nbsp;", " "),
        (r"\{\}", ""),
        (r"\{\s*\{([^{}]*)\}\s*\}", r"{\1}"),
        (r"\\(?:text|mathrm)\{\s*([0-9]+)\s*\}", r"{\1}"),
        (r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1 \\text{\2}"),
        (r"\\(?:blacksquare|square|checkmark|qed|hfill)(?![A-Za-z])|[∎■□]", ""),
        (
            r"\\end\{document\}|\\n$|\b[Qq]\.?[Ee]\.?[Dd]\.?$",
            "",
        ),
        (r"\\textdollar(?![A-Za-z])", "$"),
        (r"\\textdegree(?![A-Za-z])", "°"),
        (r"(?<=[0-9])\*\*(?=\s|$)|(?:^|(?<=\s))\*\*(?=[$0-9])|(?:^|(?<=\s))__(?=[$0-9])|(?<=[0-9])__(?=\s|$)", ""),
        (r"\\(sin|cos|tan|cot|sec|csc|ln|log)(?=[a-gi-z0-9])", r"\\\1 "),
        (r"\\(?:[dtc]frac|nicefrac|sfrac)(?![A-Za-z])", r"\\frac"),
        (r"\\(?:[dt]binom)(?![A-Za-z])", r"\\binom"),
        (r"\\(?:mathbb|Bbb|mathbf)\s*\{?\s*R\s*\}?|\\(?:R|Reals)(?![A-Za-z])", r"\\reals "),
        (
            r"\\(?:textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathit|mathsf|mbox|operatorname\*?)\s*(?=\{)",
            r"\\text",
        ),
        (r"(?:\^\s*)?\{\s*(?:\\circ|\\degree|°)\s*\}|(?:\^\s*)?(?:\\circ|\\degree)(?![A-Za-z])|\^\s*°", "°"),
        (r"\\text\{\s*([.,;°])\s*\}", r"\1"),
        (r"(?<!\\)\\(?:[,;:> ]|q?quad(?![A-Za-z])|thinspace|hspace\{[^{}]*\})|~", " "),
        (r"\\(?:cdot|times|ast)(?![A-Za-z])", "*"),
        (r"\\div(?![A-Za-z])", "/"),
        (r"\\(?:leq|leqslant|le)(?![A-Za-z])|<=", r"\\le "),
        (r"\\(?:geq|geqslant|ge)(?![A-Za-z])|(?<![-=])>=", r"\\ge "),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        (r"\\(?:neq|ne)(?![A-Za-z])|\\not\s*=|!=", r"\\ne "),
        (r"\\(?:to|rightarrow|Rightarrow|longrightarrow|implies|iff|Leftrightarrow)(?![A-Za-z])|[-=]>", r"\\to "),
        (r"\\(?:varnothing|emptyset|O)(?![A-Za-z])|\\\{\s*\\\}", r"\\emptyset "),
        (r"\\vartheta(?![A-Za-z])", r"\\theta "),
        (r":=|&\s*=", "="),
        (r"\\(?:pounds|textsterling)(?![A-Za-z])", "£"),
        (r"(?<![A-Za-z])\{\s*\\?\$\s*\}", "$"),
        (r"\.\s*\}\s*\^", "}^"),
        (r"\\text\s?\{\s*(\\?[$€£¥₹₩₽]|[A-Z]{3}|Rs\.?)\s*\}\s*(?=[-0-9.])", r"\1 "),
        (_ONE_LINE, r"\1"),
        (r"\\varphi(?![A-Za-z])", r"\\phi "),
        (r"\\varepsilon(?![A-Za-z])", r"\\epsilon "),
        (r"\\(?:lbrace)(?![A-Za-z])", r"\\{"),
        (r"\\(?:rbrace)(?![A-Za-z])", r"\\}"),
        (r"\\[lr]?vert(?![A-Za-z])|\\mid(?![A-Za-z])", "|"),
        (r"\\(?:dots|cdots)(?![A-Za-z])", r"\\ldots "),
        (r"\\([%$])", r"\1"),
    )
]
_CLOSING = {"{": "}", "(": ")", "[": "]", "<": ">"}


def _joined(text: str) -> str:
    """A system of equations with one on each line, as a list."""
    found = _LINES.fullmatch(text)
    lines = [line.strip() for line in re.split(r"\\\\(?:\[[^\]]*\])?", found[1])] if found else []
    lines = [line.rstrip(",") for line in lines if line]
    names = {line.partition("=")[0].strip() for line in lines if re.fullmatch(r"[A-Za-z](?:_[0-9])?\s*=[^=&]+", line)}
    if 1 < len(names) == len(lines):
        return ", ".join(lines)
    return text


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """``text`` in normal form, without wrappers around an answer."""
    text = TAG.sub(" ", _small_signs(text).translate(_SIGNS))
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if _shown(c))
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _joined(text.strip())
    before = ""
    while text != before:
        before, text = text, _unwrapped(_trimmed(" ".join(text.split())))
    return text


def _small_signs(text: str) -> str:
    """Superscript and subscript digits, fractions in one character, roots, and bars over digits, as LaTeX."""
    text = re.sub(r"([0-9])[\u0304\u0305]", r"\\overline{\1}", text)
    text = re.sub(r"√\s*([0-9]+(?:\.[0-9]+)?)", r"\\sqrt{\1}", text)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda found: f"^{{{found[0].translate(_RAISED)}}}", text)
    text = re.sub("[₀₁₂₃₄₅₆₇₈₉]+", lambda found: f"_{{{found[0].translate(_LOWERED)}}}", text)
    return re.sub(
        "[¼-¾⅐-⅞]", lambda found: "\\frac{{{}}}{{{}}}".format(*unicodedata.normalize("NFKC", found[0]).split("⁄")), text
    )


def squeeze(text: str) -> str:
    """The text without white space, except between digits and after a command: ``1 8`` is not 18."""
    text = re.sub(r"(\\[A-Za-z]+)\s+(?=[A-Za-z])", "\\1\0", text)
    text = re.sub(r"(?<=[0-9.])\s+(?=[0-9.])", "\0", text)
    return re.sub(r"\s+", "", text).replace("\0", " ")


def enclosed(text: str, opening: str) -> str | None:
    """The text between ``opening`` and the matching bracket, if these two enclose the whole text."""
    escaped = opening.startswith("\\")
    if not text.startswith(opening):
        return None
    mark = opening[-1]
    closing = _CLOSING[mark]
    depth, place = 0, 0
    while place < len(text):
        step = 2 if text[place] == "\\" else 1
        piece = text[place : place + step]
        if piece == opening or (not escaped and piece == mark):
            depth += 1
        elif piece == (f"\\{closing}" if escaped else closing):
            depth -= 1
            if depth == 0:
                return text[len(opening) : place].strip() if place + step == len(text) else None
        place += step
    return None


def ungrouped(text: str) -> str:
    """The text without brackets around the whole of it."""
    while True:
        inside = enclosed(text, "(") or enclosed(text, "[") or enclosed(text, r"\{") or enclosed(text, "{")
        if not inside:
            return text
        text = inside


def worded(text: str) -> str:
    r"""The text with ``\text{...}`` replaced by its words."""
    return " ".join(re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).split())


def _shown(character: str) -> bool:
    """Whether a character is neither an emoji, nor a tick, nor of zero width."""
    return character in "°|^`" or unicodedata.category(character) not in (
        "So",
        "Cf",
        "Cc",
        "Mn",
        "Me",
        "Sk",
        "Co",
        "Cs",
    )


def _trimmed(text: str) -> str:
    text = re.sub(r"^\.\.\.\s*|^<<|>>$", "", text)
    text = re.sub(r"^(?:[:=\"`*,;•]|\\\\|\\to |\\to$)+\s*", "", text).strip()
    if not re.search(r"\.[0-9]+\.{3}$", text):
        text = re.sub(r"(?:[.,;:\"`*]|(?<![\w)}'])'|\\(?![}\])])|\s)+$", "", text)
    if not re.search(r"[(\[{]", text):
        text = re.sub(r"(?<=[0-9A-Za-z])\s*[)\]}]+$", "", text)
    elif not re.search(r"[)\]}]", text):
        text = re.sub(r"^[(\[{]+\s*|\s*[(\[{]+$", "", text)
    if not text.startswith("'"):
        text = re.sub(r"(?<=[0-9])\s(?:[-/=|]|--)$", "", text)
    if not re.search(r"^'|[A-Za-z\\()/]", text):  # after a formula it is a prime
        text = re.sub(r"(?<=[0-9])'$", "", text)
    return text.strip("_") if re.fullmatch(r"_[^_]+_", text.replace("__", "_")) else text


def _unwrapped(text: str) -> str:
    for opening in ("{", "<", r"\text{", r"\text {", r"\boxed{", r"\fbox{"):
        inside = enclosed("{" + text[len(opening) :], "{") if opening.startswith("\\") else enclosed(text, opening)
        if inside is not None and text.startswith(opening) and not (opening == "<" and re.search("[<>,]", inside)):
            return inside
    if re.fullmatch(r"'[^']+'", text):
        return text[1:-1]
    for delimiter in ("$", "$$"):
        if len(text) > 2 and text.startswith(delimiter) and text.endswith(delimiter):
            return text.strip("$")
    return text[2:-2] if re.fullmatch(r"\\\(.*\\\)|\\\[.*\\\]", text) else text
