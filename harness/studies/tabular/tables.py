"""The studies as Markdown, and as tables in the terminal: the same cells."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group

from harness.report.pages.grid import Grid
from harness.studies.tabular.convergence import CLOSE, POLICY_SHARE, STALENESS, STEPS
from harness.studies.tabular.convergence import GROUP_SIZE as PAIR
from harness.studies.tabular.convergence import LEARNING_RATE as RATE
from harness.studies.tabular.gradients import DETOUR, PARTS, POLICY_AT, POPULATION, STALE_AT
from harness.studies.tabular.problems import BEHAVIOURS, BETA, K
from harness.studies.tabular.summary import FAR

Row = dict[str, Any]
MARKED_BELOW = 0.9
"""Share of settled problems below which an ending is marked."""
SHOWN_SIZE = 4
"""Group size of the tables by behaviour."""

PROBLEMS = f"""A softmax policy over {K} completions of one token; {{problems}} random problems, each with standard
normal rewards and, as reference, the softmax of standard normals; the regularised return
`J = E[r] - beta KL(pi || ref)` with beta = {BETA:g}, its optimum `pi* ∝ ref exp(r / beta)`. Expectations are
exact: over every group that the behaviour policy can draw, each weighted by its probability. The
objectives are the files of `algorithms/`, unchanged. Their fields `beta` and `beta_kl` are {BETA:g}, or 0 where
published as 0. To most that is reward per nat; to grpo advantage per nat; to dpo and rpo the slope of a
preference model, here of labels without doubt; to ipo half the inverse of the log-ratio that it wants
between any two completions. ppo and geppo run with `whiten = False` and a table of values as critic.
"""

CONVERGENCE = f"""# Where each objective ends up

`{{command}}`
writes this, `convergence.json` and `convergence.png`: the paper's Figure 1, for every objective.

{PROBLEMS}
Descent on the expected gradient from the reference: groups of {PAIR}, {STEPS} steps, learning rate {RATE:g}, in the
last quarter down to 0. A logit's step is divided by `mu + {POLICY_SHARE:g} pi`, the probability of its completion
under behaviour and policy, which spares rare completions 1 / p steps and moves no stationary point.
Data: `reference`; `uniform`; `mixture`, half reference, half policy; `stale`, the policy of {STALENESS} steps ago;
`on-policy`, the policy itself, afresh at every step.

Numbers are `KL(pi || pi*)` in nats at the end: the mean over problems ± half its 95 % t-interval; 0 is
below {CLOSE:g}. `~`: fewer than {100 * MARKED_BELOW:.0f} % of the problems have settled; the others drift on or cycle.
"""

GRADIENTS = f"""# Bias and variance of each objective's gradient

`{{command}}`
writes this and `gradients.json`. An estimate `g` is the gradient, by the logits, of the loss on one group of
G completions of one prompt; `g*` is the exact gradient of `-J`.

{PROBLEMS}
Measured where the policy is half-way and a little astray, `ref exp({POLICY_AT:g} r / beta + {DETOUR:g} z)` with
standard normal `z`, and at the optimum. Data: `reference`; `uniform`; `mixture`, half reference, half policy;
`stale`, the same with {STALE_AT:g} for {POLICY_AT:g}, and at the optimum the half-way policy; `on-policy`. The
reference is rounded to multiples of 1/{PARTS}. Critics are where their own expected gradient is 0. Means over
problems ± half the 95 % t-interval; 0 is below 0.0001.

- **cosine** between `E g` and `g*`: the bias that no learning rate mends (the least relative error over all
  rates is `sqrt(1 - cosine^2)`); 0 where `E g` is 0, as where everything is clipped.
- **bias** `|E g - g*| / |g*|` and **noise** `sqrt(tr Cov g) / |g*|`, both at a learning rate of 1: twice the loss
  has twice the noise.
- **signal** `|E g| / sqrt(E |g|^2)`: 1 without noise; the same at any learning rate.
- **own bias** `|E g - g'|` over the larger of the two, `g'` the estimate from an infinite group of the same data,
  which is the gradient of what the objective's own loss stands for. On-policy the policy is rounded for it.
- **pull at the optimum** `|E g(pi*)| / |g*(ref)|`: 0 where `pi*` is a stationary point, as it is of `J`. Medians,
  because a few problems weigh a thousand times more than the rest; likewise **noise at the optimum**.
"""

IN_FULL = f"""Share of problems that end above {FAR:g} nats, that have settled, whose policy is all but deterministic;
how many met a gradient that is not finite; median norm of the last expected gradient. At the edge of a
clip it does not vanish, the policy sits where it changes sign; and where clips leave a whole region
without gradient, the end is where the descent entered it.
"""


def convergence_markdown(study: Row) -> str:
    """Where each objective ends up, as a document."""
    rows = study["rows"]
    names = ("median", "max", f"> {FAR:g}", "settled", "deterministic", "not finite", "gradient left")
    full = [[r["objective"], r["behaviour"], r["settings"] or "–", mean(r["kl"]), *_in_full(r)] for r in rows]
    return "\n".join(
        [
            CONVERGENCE.format(**study["setup"]),
            *notes(study),
            "",
            *by_behaviour(rows, ending).markdown(),
            "",
            "![KL to the optimum against step](convergence.png)",
            "",
            "## In full",
            "",
            IN_FULL,
            *Grid(headers=("objective", "data", "fields", "mean", *names), rows=full, texts=3).markdown(),
            "",
        ]
    )


def gradients_markdown(study: Row) -> str:
    """Bias and variance, as a document."""
    shown = [row for row in study["rows"] if row["group_size"] == SHOWN_SIZE]
    lines = [GRADIENTS.format(**study["setup"])]
    for title, cell in (
        ("Cosine", lambda row: mean(row["cosine"])),
        ("Pull at the optimum", lambda row: small(row["pull"]["median"])),
        ("Noise at the optimum", lambda row: small(row["noise_at_optimum"]["median"])),
    ):
        lines += [f"## {title}, G = {SHOWN_SIZE}", "", *by_behaviour(shown, cell).markdown(), ""]
    for behaviour in POPULATION[::-1]:
        names = ("cosine", "bias", "own_bias", "noise", "signal")
        rows = [row for row in study["rows"] if row["behaviour"] == behaviour]
        full = [[row["objective"], str(row["group_size"]), *(mean(row[name]) for name in names)] for row in rows]
        header = ("objective", "G", *(name.replace("_", " ") for name in names))
        lines += [f"## By group size, {behaviour} data", "", *Grid(headers=header, rows=full).markdown(), ""]
    return "\n".join(lines)


def tables(convergence: Row, gradients: Row) -> Group:
    """Both studies for the terminal, 80 columns wide: the numbers without their intervals."""
    shown = [row for row in gradients["rows"] if row["group_size"] == SHOWN_SIZE]
    return Group(
        by_behaviour(convergence["rows"], lambda row: ending(row, short=True)).terminal(
            "KL(pi || pi*) at the end, nats"
        ),
        f"~: fewer than {100 * MARKED_BELOW:.0f} % of the problems have settled.",
        *notes(convergence),
        "",
        by_behaviour(shown, lambda row: small(row["cosine"]["mean"])).terminal(
            f"cosine of expected and exact gradient, groups of {SHOWN_SIZE}"
        ),
    )


def notes(study: Row) -> list[str]:
    """What was claimed, and what was left out."""
    found = []
    if study["agro_max"] is not None:
        found.append(f"agro: at most {study['agro_max']:.1e} nats from the optimum, on any problem and any data.")
    return found + [f"{row['objective']} does not fit the study: {row['reason']}" for row in study["unfit"]]


def by_behaviour(rows: Sequence[Row], cell: Callable[[Row], str]) -> Grid:
    """A line for each objective, a cell for each behaviour."""
    labels = dict.fromkeys(row["objective"] for row in rows)
    cells = {(row["objective"], row["behaviour"]): cell(row) for row in rows}
    lines = [[label, *(cells[label, behaviour] for behaviour in BEHAVIOURS)] for label in labels]
    return Grid(headers=("objective", *BEHAVIOURS), rows=lines)


def ending(row: Row, *, short: bool = False) -> str:
    """The distance at the end, marked where it is none."""
    text = small(row["kl"]["mean"], CLOSE) if short else mean(row["kl"], CLOSE)
    return text if row["settled"] >= MARKED_BELOW else f"~ {text}"


def mean(interval: Row | None, least: float = 1e-4) -> str:
    """0.123 ± 0.045."""
    if interval is None or interval["mean"] is None:
        return "–"
    text = small(interval["mean"], least)
    if interval["low"] is None or text.startswith("0 "):
        return text
    half = interval["mean"] - interval["low"]
    return text if half < least else f"{text} ± {small(half, least)}"


def small(number: float | None, least: float = 1e-4) -> str:
    """Three digits; 0 below ``least``."""
    if number is None:
        return "–"
    return "0" if abs(number) < least else f"{number:.2g}" if abs(number) < 0.1 else f"{number:.3g}"


def _in_full(row: Row) -> list[str]:
    shares = [f"{100 * row[name]:.0f} %" for name in ("elsewhere", "settled", "deterministic")]
    distances = [small(row["kl"]["median"], CLOSE), small(row["max"], CLOSE)]
    return [*distances, *shares, str(row["not_finite"]), small(row["gradient_left"]["median"], CLOSE)]
