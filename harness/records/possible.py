"""Plausibility checks of journals: results are checked against their own verdicts before they are used."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from evaluators.statistics.accuracy import SampleRecord
from evaluators.types import Split, Verdict
from harness.errors import HarnessError
from harness.records.events import End, Evaluation, Event, Start, Step
from harness.records.ledger import Ledger

LETTERS = {verdict: verdict.value[0] for verdict in Verdict}
ROUNDING = 1e-9
SHARES = ("accuracy", "truncated", "unparsed", "grader_timeouts", "grader_errors", "audit_paid", "audit_missed")


def check_possible(start: Start, events: Sequence[Event]) -> None:
    """Refuse a journal that no run can have written.

    Raises:
        HarnessError: the journal contradicts its config, its verdicts, or itself.
    """
    if reason := next(filter(None, (_wrong(start, event) for event in events)), None) or _out_of_order(events):
        raise HarnessError(
            f"the journal of {start.run_id} cannot come from a run: {reason}; get it again from its source, or repeat "
            "the run with --fresh"
        )


def check_completions(run_id: str, grading: str, judged: Evaluation, records: Sequence[SampleRecord]) -> None:
    """Refuse a table of completions that does not belong to the evaluation ``judged``.

    Raises:
        HarnessError: the verdicts differ.
    """
    found: dict[str, str] = defaultdict(str)
    for record in records:
        found[record.problem] += LETTERS[getattr(record, grading)]
    if found != judged.summary.verdicts:
        raise HarnessError(
            f"the completions of {run_id} have other verdicts than its journal; get both again from their source, or "
            "repeat the run with --fresh"
        )


def _wrong(start: Start, event: Event) -> str | None:
    """What is impossible about one event, in words; None if nothing is."""
    if isinstance(event, Evaluation):
        return _wrong_evaluation(start, event)
    if not isinstance(event, Start) and (spent := _overspent(start, event.ledger)):
        return spent
    return None


def _wrong_evaluation(start: Start, event: Evaluation) -> str | None:
    summary, at = event.summary, f"at step {event.step}, {event.split},"
    settings = start.config.evaluation
    samples = settings.test_samples if event.split is Split.TEST else settings.validation_samples
    letters = "".join(summary.verdicts.values())
    size = start.sizes.get(event.split, 0)
    if not size or len(summary.verdicts) != size or any(len(v) != samples for v in summary.verdicts.values()):
        return f"{at} it does not have {samples} verdicts for each of {size} problems"
    if unknown := set(letters) - set(LETTERS.values()):
        return f"{at} {min(unknown)!r} is not a verdict"
    for name in SHARES:
        if not 0 <= getattr(summary, name) <= 1:
            return f"{at} {name} is {getattr(summary, name)}, which is not a share"
    counted = {
        "accuracy": Verdict.CORRECT,
        "unparsed": Verdict.UNPARSED,
        "grader_timeouts": Verdict.TIMEOUT,
        "grader_errors": Verdict.ERROR,
    }
    for name, verdict in counted.items():
        share = letters.count(LETTERS[verdict]) / len(letters)
        if not math.isclose(share, getattr(summary, name), abs_tol=ROUNDING):
            return f"{at} {name} is {getattr(summary, name)}, but its verdicts give {share}"
    return None


def _overspent(start: Start, ledger: Ledger) -> str | None:
    budget = start.config.budget
    if budget.unit != "seconds" and ledger.spent(budget.unit) > budget.total:
        return f"it spent {ledger.spent(budget.unit):g} {budget.unit} of a budget of {budget.total:g}"
    negative = [name for name, count in (ledger.counts() | ledger.timings()).items() if not count >= 0]
    return f"{negative[0]} is negative" if negative else None


def _out_of_order(events: Sequence[Event]) -> str | None:
    """What is impossible about the order of the events, in words; None if nothing is."""
    if any(isinstance(event, Start) for event in events[1:]) or any(isinstance(event, End) for event in events[:-1]):
        return "it begins or ends more than once"
    numbers = [event.step for event in events if isinstance(event, Step)]
    if numbers != list(range(1, len(numbers) + 1)):
        return "its steps are not numbered one after the other"
    ledgers = [event.ledger.counts() for event in events if not isinstance(event, Start)]
    for before, after in pairwise(ledgers):
        if shrunk := [unit for unit, count in before.items() if after[unit] < count]:
            return f"its {shrunk[0]} shrink"
    return None
