"""The studies as Markdown and as tables for the terminal, with the same cells."""

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
"""An entry is marked if a smaller share of its problems has settled."""
SHOWN_SIZE = 4
"""Group size of the tables by behaviour."""

PROBLEMS = f"""The policy is a softmax over {K} completions of one token. There are {{problems}} random problems. Each
has standard normal rewards, and the softmax of standard normal logits as its reference. The regularised return is
`J = E[r] - beta KL(pi || ref)` with beta = {BETA:g}, and its optimum is `pi* ∝ ref exp(r / beta)`. Expectations are
exact: they are sums over all groups that the behaviour policy can draw, weighted by their probability. The objectives
are the files of `algorithms/`, unchanged. Their fields `beta` and `beta_kl` are {BETA:g}, or 0 if the published value
is 0. For most objectives this is reward per nat. For grpo it is advantage per nat; for dpo and rpo it is the slope of
a preference model, here with noiseless labels; for ipo it is half the inverse of the desired log-ratio between any
two completions. ppo and geppo use `whiten = False` and a table of values as their critic.
"""

CONVERGENCE = f"""# Where each objective converges

The command `{{command}}` writes this page, `convergence.json` and `convergence.png`. It is the paper's Figure 1 for
all objectives.

{PROBLEMS}
Gradient descent starts at the reference and follows the expected gradient, with groups of {PAIR}, for {STEPS} steps.
The learning rate is {RATE:g} and falls to 0 in the last quarter. The gradient of each logit is divided by
`mu + {POLICY_SHARE:g} pi`, the probabilities of its completion under the behaviour policy and the policy. Otherwise a
completion of probability p would need 1 / p steps. This does not move stationary points. The data come from the
`reference`; from a `uniform` policy; from a `mixture` of reference and policy in equal parts; from the policy
{STALENESS} steps ago (`stale`); or from the current policy (`on-policy`).

Numbers are `KL(pi || pi*)` in nats after the last step: the mean over problems ± half its 95 % t-interval. Numbers
below {CLOSE:g} are shown as 0. `~`: fewer than {100 * MARKED_BELOW:.0f} % of the problems have settled; the others
still drift or cycle.
"""

GRADIENTS = f"""# Bias and variance of each objective's gradient

The command `{{command}}` writes this page and `gradients.json`. An estimate `g` is the gradient, with respect to the
logits, of the loss on one group of G completions of one prompt. `g*` is the exact gradient of `-J`.

{PROBLEMS}
Gradients are measured at two policies. One is half-way to the optimum, with a random deviation:
`ref exp({POLICY_AT:g} r / beta + {DETOUR:g} z)` with standard normal `z`. The other is the optimum. The data come from
the `reference`; from a `uniform` policy; from a `mixture` of reference and policy in equal parts; from a `stale`
policy; or from the policy itself (`on-policy`). The stale policy has {STALE_AT:g} instead of {POLICY_AT:g} in the
formula above; for the optimum, it is the half-way policy. The reference is rounded to multiples of 1/{PARTS}. Critics
have the value at which their own expected gradient is 0. Numbers are means over problems ± half the 95 % t-interval.
Numbers below 0.0001 are shown as 0.

- **cosine** between `E g` and `g*`: the bias that no learning rate can remove. The smallest relative error over all
  learning rates is `sqrt(1 - cosine^2)`. The cosine is 0 if `E g` is 0, for example because everything is clipped.
- **bias** `|E g - g*| / |g*|` and **noise** `sqrt(tr Cov g) / |g*|`, both for a learning rate of 1. Twice the loss
  has twice the noise.
- **signal** `|E g| / sqrt(E |g|^2)`: 1 without noise, and independent of the learning rate.
- **own bias** `|E g - g'|` over the larger of the two norms, where `g'` is the estimate from an infinite group of the
  same data. `g'` is the gradient that the objective itself intends. For on-policy data, the policy is rounded.
- **pull at the optimum** `|E g(pi*)| / |g*(ref)|`: 0 if `pi*` is a stationary point, as it is of `J`. These are
  medians, because a few problems are a thousand times larger than the rest. The same holds for **noise at the
  optimum**.
"""

IN_FULL = f"""The columns show the share of problems that end above {FAR:g} nats, the share that have settled, the
share with an almost deterministic policy, the number with a gradient that was not finite, and the median norm of the
last expected gradient. At the edge of a clip this norm does not vanish: the policy stays where the gradient changes
sign. If clipping removes the gradient in a whole region, the descent ends where it entered that region.
"""


def convergence_markdown(study: Row) -> str:
    """The study of convergence as a Markdown document."""
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
            "![KL from the optimum by step](convergence.png)",
            "",
            "## All numbers",
            "",
            IN_FULL,
            *Grid(headers=("objective", "data", "fields", "mean", *names), rows=full, texts=3).markdown(),
            "",
        ]
    )


def gradients_markdown(study: Row) -> str:
    """The study of gradients as a Markdown document."""
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
    """Both studies for a terminal of 80 columns, without the intervals."""
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
    """The check of agro's claim, and the objectives that are left out."""
    found = []
    if study["agro_max"] is not None:
        found.append(f"agro ends at most {study['agro_max']:.1e} nats from the optimum, on all problems and all data.")
    return found + [f"{row['objective']} does not fit the study: {row['reason']}" for row in study["unfit"]]


def by_behaviour(rows: Sequence[Row], cell: Callable[[Row], str]) -> Grid:
    """A table with one row per objective and one column per behaviour."""
    labels = dict.fromkeys(row["objective"] for row in rows)
    cells = {(row["objective"], row["behaviour"]): cell(row) for row in rows}
    lines = [[label, *(cells[label, behaviour] for behaviour in BEHAVIOURS)] for label in labels]
    return Grid(headers=("objective", *BEHAVIOURS), rows=lines)


def ending(row: Row, *, short: bool = False) -> str:
    """The distance after the last step, marked if too few problems have settled."""
    text = small(row["kl"]["mean"], CLOSE) if short else mean(row["kl"], CLOSE)
    return text if row["settled"] >= MARKED_BELOW else f"~ {text}"


def mean(interval: Row | None, least: float = 1e-4) -> str:
    """A mean with half its interval, such as 0.123 ± 0.045."""
    if interval is None or interval["mean"] is None:
        return "–"
    text = small(interval["mean"], least)
    if interval["low"] is None or text.startswith("0 "):
        return text
    half = interval["mean"] - interval["low"]
    return text if half < least else f"{text} ± {small(half, least)}"


def small(number: float | None, least: float = 1e-4) -> str:
    """A number with three digits; 0 if it is smaller than ``least``."""
    if number is None:
        return "–"
    return "0" if abs(number) < least else f"{number:.2g}" if abs(number) < 0.1 else f"{number:.3g}"


def _in_full(row: Row) -> list[str]:
    shares = [f"{100 * row[name]:.0f} %" for name in ("elsewhere", "settled", "deterministic")]
    distances = [small(row["kl"]["median"], CLOSE), small(row["max"], CLOSE)]
    return [*distances, *shares, str(row["not_finite"]), small(row["gradient_left"]["median"], CLOSE)]
