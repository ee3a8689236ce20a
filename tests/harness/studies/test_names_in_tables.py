"""Names of arms in the terminal: rich must not read their brackets as markup."""

import io

from harness.config.suites import load_suite
from harness.studies.tuning.tables import Scored, Tuning, in_terminal
from harness.studies.tuning.trials import Trial
from harness.terminal import Terminal


def test_a_name_with_brackets_is_shown_as_it_is() -> None:
    trial = Trial(arm="agro[/x]", regime="on_policy", settings={"fields.beta": 0.1}, runs=[])
    console = Terminal(file=io.StringIO(), width=200)
    console.print(
        in_terminal(Tuning(suite=load_suite("tiny-arithmetic"), command="", scored=[Scored(trial=trial, accuracy=0.5)]))
    )
    assert console.file.getvalue().count("agro[/x]") == 2  # type: ignore[attr-defined]
