"""A remark on settings that runs inherit from a suite although its model or task was changed."""

from collections.abc import Sequence
from typing import Any

from harness.config.arguments import command_line
from harness.config.layers import settings_of
from harness.config.run_config import SuiteConfig
from harness.config.suites import load_suite

RATE = "optimizer.learning_rate"
WIDTH = 10
"""The default search space reaches from the learning rate divided by this to the learning rate times this."""


def inherited(
    suite: str, changes: Sequence[tuple[str, Any]], suites: Sequence[SuiteConfig], arms: Sequence[str]
) -> list[str]:
    """One sentence, if ``changes`` changed the model or the task of the suite.

    ``suites``: the changed suite in each regime.
    """
    before, after = load_suite(suite), suites[0]
    if after.name == before.name:
        return []
    changed = {key for key, _ in changes}
    found = [] if RATE in changed else [f"{RATE} {after.optimizer.learning_rate:g}"]
    for of_regime in suites:
        for arm in arms:
            settings = settings_of(of_regime, arm).items()
            own = [f"{key} {value}" for key, value in settings if not {key, f"objectives.{arm}.{key}"} & changed]
            where = f" in {of_regime.regime}" if len(suites) > 1 else ""
            found += [f"{arm}{where} {', '.join(own)}"] if own else []
    if not found:
        return []
    made_so = [change for change in changes if change[0].partition(".")[0] in ("model", "task", "compute")]
    if not after.tuning.space:
        rate = after.optimizer.learning_rate
        made_so.append(("tuning.space", {RATE: [float(f"{end:.2g}") for end in (rate / WIDTH, rate * WIDTH)]}))
    tune = command_line("tune", {"--suite": suite, "--algos": ",".join(arms)}, made_so)
    return [
        f"{after.name} uses settings that {before.name} has for {before.model.path} on {before.task.name}: "
        f"{'; '.join(found)}; set your own with --set {RATE}=..., or tune them: {tune}"
    ]
