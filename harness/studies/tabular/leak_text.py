"""The study of leaks as Markdown, and as a table in the terminal."""

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
"""A share below it is shown as 0."""

LEAK = f"""# Where the mass goes: why AGRO needs the policy's own completions

`{{command}}`
writes this, `leak.json` and `leak.png`.

A completion has n = 0, 1, 2, ... steps, without end; those of 2, 3 or 4 are right, all others are wrong. The policy has
one parameter, `pi(n) ∝ ref(n) exp(theta n)`, and the reference is Poisson with mean 1, so that every sum over all
completions has a closed form. To be right more often such a policy has to write more steps, whatever they lead to: like
a language model, it cannot raise some completions and leave all others as they are. The reference is right in 26 %, the
best of these policies in 62 %. Completions of {UNSEEN_FROM} steps and more, all wrong, the reference writes less than
once in ten thousand.

An update is on {PROMPTS} groups of {GROUP_SIZE} sampled completions, at learning rate {LEARNING_RATE:g}, with the
gradient clipped to 1; there are {UPDATES} updates and {{runs}} runs. The fields `beta` and `beta_kl` are {BETA:g}, or 0
where published as 0, all others as published. Data: `fresh`, completions of the policy itself; `stale`, of the policy
{LAG} updates ago; `fixed`, of the reference. Accuracy and mass of each policy are exact. Numbers are means over the
last third of the updates, ± half the 95 % t-interval over runs; 0 is below 0.001.
"""

SHOWS = """## What it shows

On fresh completions nearly all objectives come to rest near the best policy. On a fixed set AGRO drives its loss down,
and its accuracy to 0. Among the completions that the reference writes, the longer ones are right more often. AGRO fits
a line through rewards against steps, and follows it towards a policy of 1,150 steps, of which the data have none and
none are right. On that way its loss, half the variance of `r - beta (l - ref_l)` over the *data*, falls from 0.096 to
0.034. Nothing in the loss can tell: the coefficients of a group sum to 0, so the policy's normaliser drops out of the
gradient, and with it whatever the policy does outside the data. A policy that can be anything is not harmed by that
([convergence.md](convergence.md)), since raising what is right raises nothing else. On stale completions the mass leaks
until the data show it, comes back, and leaks again: the accuracy swings. `rloo` is the same, and so is `tba`, with a
higher learning rate. AGRO's on-policy form lowers the variance in another way, by being wrong always.

The ratio sees it. The mean of `pi / mu` over completions of `mu` is 1 in expectation, whatever the two are. What it
lacks of 1 on the data at hand is mass that the policy has where these data have none. On a fixed set it falls to 0; on
stale completions, which follow the policy, it dips while mass is leaving.

What stops it is a part of the coefficients that does not cancel within a group, so that the level of the
log-probability is held too: by a pull to the reference (`reinforce`; on stale data that is too weak here), by a pull to
the behaviour (`agro_proximal`), or by raising what is in the data (`agro_tapered`, `agro_anchored`). Clips and tapers
of the ratio (`ppo`, `grpo`, `topr`) stop it as well, as they drop what has moved far enough; some then stay short of
the best policy on a fixed set.

One parameter is the least that a model can have. It shows how mass can leak, not how much does in a language model:
that is measured in [the findings](../../docs/findings.md#where-it-surprised-us).
"""

LEVEL = f"""## What holds the level

One residual, `r - beta (l - anchor_l)`. Its anchor is the reference or the behaviour. It is *centred*, its mean over
the group taken from it, or *held*: only the mean of the rewards is taken from it, and the whole pull to the anchor
stays. All on stale data, along the expected gradient, without sampling noise. *Free policy*: `KL(pi || pi*)` in nats at
the end, of a policy over {K} completions that can be anything, {STALENESS} steps behind, beta = {FREE_BETA:g}, as in
[convergence.md](convergence.md). *One parameter*: the model above, {LAG} updates behind, beta = {BETA:g}: the KL at the
end, above the least that one parameter allows; the mass on right completions at the end; and the least in the second
half of the updates.
"""

LEVEL_SHOWS = """
With a free policy the anchor decides: the reference leads to the optimum, exactly if centred, and the behaviour past
it, as nothing then pulls back to the reference. With one parameter the level decides: with the same anchor, what is
held falls less deep than what is centred, and what is held to the behaviour least.
"""


def leak_markdown(study: Row) -> str:
    """The study as a document."""
    lines = [LEAK.format(**study["setup"])]
    for title, cell in CELLS:
        lines += [f"## {title}", "", *by_data(study["rows"], cell).markdown(), ""]
    unfit = [f"{row['objective']} does not fit the study: {row['reason']}" for row in study["unfit"]]
    lines += [*unfit, *([""] if unfit else []), "![Accuracy, unseen mass and ratio against update](leak.png)", ""]
    return "\n".join([*lines, SHOWS, LEVEL, *level(study["level"]).markdown(), LEVEL_SHOWS])


CELLS: Sequence[tuple[str, Callable[[Row], str]]] = (
    ("Accuracy", lambda row: mean(row["accuracy"], LEAST)),
    ("Lowest accuracy after the first third, mean over runs", lambda row: small(row["lowest"], LEAST)),
    (f"Mass on completions of {UNSEEN_FROM} steps and more", lambda row: mean(row["unseen"], LEAST)),
    ("Mean of pi / mu over a batch, median", lambda row: small(row["ratio"], LEAST)),
)


def by_data(rows: Sequence[Row], cell: Callable[[Row], str]) -> Grid:
    """A line an objective, a cell for each kind of data."""
    labels = dict.fromkeys(row["objective"] for row in rows)
    cells = {(row["objective"], row["data"]): cell(row) for row in rows}
    return Grid(
        headers=("objective", *DATA), rows=[[label, *(cells[label, name] for name in DATA)] for label in labels]
    )


def level(rows: Sequence[Row]) -> Grid:
    """The four residuals."""
    headers = ("anchor", "level", "also", "free policy: KL", "one parameter: KL", "accuracy", "least accuracy")
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
    """For the terminal."""
    shown = by_data(study["rows"], lambda row: small(row["accuracy"]["mean"], LEAST))
    return shown.terminal("accuracy, wrong completions without end")
