"""The study of leaks as Markdown, and as a table for the terminal."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table

from harness.report.pages.grid import Grid
from harness.studies.tabular.convergence import STALENESS
from harness.studies.tabular.leak import DATA, GROUP_SIZE, LAG, LEARNING_RATE, PROMPTS, UPDATES
from harness.studies.tabular.lengths import BETA, UNSEEN_FROM
from harness.studies.tabular.problems import BETA as FREE_BETA
from harness.studies.tabular.problems import K
from harness.studies.tabular.tables import mean, small

Row = dict[str, Any]
LEAST = 1e-3
"""A smaller share is shown as 0."""

LEAK = f"""# How probability leaks: why AGRO needs fresh completions

The command `{{command}}` writes this page, `leak.json` and `leak.png`.

## The model

A completion has n = 0, 1, 2, ... steps, with no upper limit. It is right if n is 2, 3 or 4, and wrong otherwise. The
policy has one parameter: `pi(n) ∝ ref(n) exp(theta n)`. The reference is a Poisson distribution with mean 1, so every
sum over all completions has a closed form. To be right more often, the policy must write more steps, and so also more
very long completions. Like a language model, it cannot raise some completions and leave all others unchanged. The
reference is right in 26 % of its completions, and the best policy of this family in 62 %. Completions with
{UNSEEN_FROM} or more steps are all wrong. The reference writes fewer than one of them in ten thousand.

Each update uses {PROMPTS} groups of {GROUP_SIZE} sampled completions, with a learning rate of {LEARNING_RATE:g} and the
gradient clipped to 1. There are {UPDATES} updates and {{runs}} runs. The fields `beta` and `beta_kl` are {BETA:g}, or 0
if the published value is 0. All other fields have their published values. The data are completions of the current
policy (`fresh`), of the policy {LAG} updates ago (`stale`), or of the reference (`fixed`). Accuracies and probabilities
of each policy are exact. Numbers are means over the last third of the updates, ± half the 95 % t-interval over runs.
Numbers below 0.001 are shown as 0.
"""

SHOWS = """## What it shows

On fresh completions, nearly all objectives converge close to the best policy. On a fixed set, AGRO reduces its loss but
its accuracy falls to 0. The reason is a linear fit. Among the completions of the reference, longer ones are right more
often. AGRO fits a line to reward against steps and follows it to a policy that writes about 1,150 steps. The data have
no such completions, and none of them is right. Meanwhile its loss, half the variance of `r - beta (l - ref_l)` over the
*data*, falls from 0.096 to 0.034.

The loss cannot notice this. The coefficients of a group sum to 0, so the normaliser of the policy cancels in the
gradient, and with it everything that the policy does outside the data. An unrestricted policy is not harmed
([convergence.md](convergence.md)), because raising right completions raises nothing else. On stale completions, the
probability leaks until the data show it, comes back, and leaks again, so the accuracy oscillates. `rloo` behaves the
same, and so does `tba`, with a higher learning rate. AGRO's on-policy form lowers the variance in another way: it is
always wrong.

On a fixed set, the probability ratio shows the leak. The mean of `pi / mu` over completions of `mu` is 1 in
expectation, for any two policies. If it is below 1 on the data, the missing part is probability that the policy puts on
completions outside the data. So the ratio of AGRO falls to 0. Stale completions follow the policy: the ratio only dips
while probability leaks, and its median stays near 1.

A term that does not cancel within a group stops the leak, because it also holds the level of the log-probability. This
term can be a pull to the behaviour policy (`agro_proximal`), or an increase of the data's probability (`agro_tapered`).
`agro_anchored` increases only the probability of right completions. That is enough on stale data, but on a fixed set it
leaves 14 % of the probability on completions that the data do not have. A pull to the reference (`reinforce`) leaves
13 % there, and is too weak on stale data. Clipping or tapering the ratio (`ppo`, `grpo`, `topr`) also stops the leak,
because completions whose ratio has moved far enough no longer count. On a fixed set, some of these objectives then stay
below the best policy.

This model has a single parameter. It shows how probability can leak, but not how much leaks in a language model.
[The findings](../../docs/findings.md#unexpected-results) measure that.
"""

LEVEL = f"""## Which residuals hold the level of the log-probability

The residual `r - beta (l - anchor_l)` has the reference or the behaviour policy as its anchor. If it is *centred*, its
mean over the group is subtracted. If it is *held*, only the mean reward is subtracted, and the whole pull to the anchor
remains. All numbers are for stale data and the expected gradient, without sampling noise.

- *Free policy*: `KL(pi || pi*)` in nats after the last step, for an unrestricted policy over {K} completions, with data
  {STALENESS} steps old and beta = {FREE_BETA:g}, as in [convergence.md](convergence.md).
- *One parameter*: the model above, with data {LAG} updates old and beta = {BETA:g}. The columns show the KL after the
  last update, minus the smallest KL that one parameter allows; the accuracy after the last update; and the lowest
  accuracy in the second half of the updates.
"""

LEVEL_SHOWS = """
For a free policy, the anchor decides. The reference as anchor leads to the optimum, exactly so if the residual is
centred. The behaviour policy as anchor leads past it, because nothing pulls back to the reference. With one parameter,
holding the level decides. With the same anchor, a held residual loses less accuracy than a centred one, and the
residual that is held to the behaviour policy loses the least.
"""


def leak_markdown(study: Row) -> str:
    """The study as a Markdown document."""
    lines = [LEAK.format(**study["setup"])]
    for title, cell in CELLS:
        lines += [f"## {title}", "", *by_data(study["rows"], cell).markdown(), ""]
    unfit = [f"{row['objective']} does not fit the study: {row['reason']}" for row in study["unfit"]]
    lines += [*unfit, *([""] if unfit else []), "![Accuracy, unseen probability and ratio by update](leak.png)", ""]
    return "\n".join([*lines, SHOWS, LEVEL, *level(study["level"]).markdown(), LEVEL_SHOWS])


CELLS: Sequence[tuple[str, Callable[[Row], str]]] = (
    ("Accuracy", lambda row: mean(row["accuracy"], LEAST)),
    ("Lowest accuracy after the first third, mean over runs", lambda row: small(row["lowest"], LEAST)),
    (f"Probability of completions with {UNSEEN_FROM} or more steps", lambda row: mean(row["unseen"], LEAST)),
    ("Mean of pi / mu over a batch, median", lambda row: small(row["ratio"], LEAST)),
)


def by_data(rows: Sequence[Row], cell: Callable[[Row], str]) -> Grid:
    """A table with one row per objective and one column per kind of data."""
    labels = dict.fromkeys(row["objective"] for row in rows)
    cells = {(row["objective"], row["data"]): cell(row) for row in rows}
    return Grid(
        headers=("objective", *DATA), rows=[[label, *(cells[label, name] for name in DATA)] for label in labels]
    )


def level(rows: Sequence[Row]) -> Grid:
    """The table of the four residuals."""
    headers = ("anchor", "level", "as in", "free policy: KL", "one parameter: KL", "accuracy", "lowest accuracy")
    lines = [
        [
            row["anchor"],
            "centred" if row["centred"] else "held",
            row["also"],
            mean(row["free_kl"], 1e-6),
            *(small(row[name]) for name in ("kl", "accuracy", "lowest")),
        ]
        for row in rows
    ]
    return Grid(headers=headers, rows=lines, texts=3)


def leak_table(study: Row) -> Table:
    """The accuracies as a table for the terminal."""
    shown = by_data(study["rows"], lambda row: small(row["accuracy"]["mean"], LEAST))
    return shown.terminal("accuracy, infinitely many wrong completions")
