"""What is read back is checked against its own verdicts, and against what a run can write."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.statistics.accuracy import read_records
from evaluators.types import Verdict
from harness.errors import HarnessError
from harness.records.possible import check_completions
from tests.support.results import records_of, result
from tests.support.small import Line

Change = Callable[[list[Line]], None]


def last_test(records: list[Line]) -> Line:
    return [record for record in records if record["event"] == "evaluation" and record["split"] == "test"][-1]


def steps(records: list[Line]) -> list[Line]:
    return [record for record in records if record["event"] == "step"]


def a_better_accuracy(records: list[Line]) -> None:
    last_test(records)["accuracy"] += 0.1


def better_verdicts(records: list[Line]) -> None:
    verdicts = last_test(records)["verdicts"]
    verdicts |= dict.fromkeys(verdicts, "c" * len(next(iter(verdicts.values()))))


def fewer_problems(records: list[Line]) -> None:
    summary = last_test(records)
    summary["verdicts"].popitem()
    joined = "".join(summary["verdicts"].values())
    summary["accuracy"] = joined.count("c") / len(joined)


def another_letter(records: list[Line]) -> None:
    verdicts = last_test(records)["verdicts"]
    key = next(key for key, letters in verdicts.items() if "w" in letters)
    verdicts[key] = verdicts[key].replace("w", "x", 1)


def no_share(records: list[Line]) -> None:
    last_test(records)["truncated"] = 1.5


def not_a_number(records: list[Line]) -> None:
    last_test(records)["audit_paid"] = float("nan")


def too_much(records: list[Line]) -> None:
    records[-1]["spent"]["completions"] = 10_000


def less_than_nothing(records: list[Line]) -> None:
    steps(records)[0]["spent"]["flops"] = -1


def less_than_before(records: list[Line]) -> None:
    steps(records)[-1]["spent"]["trained_tokens"] = 0


def a_step_left_out(records: list[Line]) -> None:
    records.remove(steps(records)[2])


def two_ends(records: list[Line]) -> None:
    records.insert(3, records[-1])


def a_split_without_a_size(records: list[Line]) -> None:
    records[0]["sizes"].pop("test")


IMPOSSIBLE: dict[Change, str] = {
    a_better_accuracy: "accuracy is",
    better_verdicts: "accuracy is",
    fewer_problems: "verdicts for each of 8 problems",
    another_letter: "'x' is not a verdict",
    no_share: "truncated is 1.5, which is not a share",
    not_a_number: "audit_paid is nan, which is not a share",
    too_much: "spent 10000 completions of a budget of 100",
    less_than_nothing: "flops is negative",
    less_than_before: "its trained_tokens shrink",
    a_step_left_out: "its steps are not numbered one after the other",
    two_ends: "it begins or ends more than once",
    a_split_without_a_size: "verdicts for each of 0 problems",
}


@pytest.mark.parametrize(("change", "sentence"), IMPOSSIBLE.items(), ids=[change.__name__ for change in IMPOSSIBLE])
def test_a_journal_that_no_run_writes_is_refused_by_name(
    change: Change, sentence: str, small_runs: dict[str, Path]
) -> None:
    records = records_of(small_runs, "agro")
    run_id = result(records).run_id
    change(records)
    with pytest.raises(HarnessError, match=f"^the journal of {run_id} cannot come from a run: .*{sentence}"):
        result(records)


def test_completions_are_those_that_the_journal_judged(small_runs: dict[str, Path]) -> None:
    run = result(records_of(small_runs, "agro"))
    assert run.test
    table = max((small_runs["agro"] / "evaluations").glob("test-*.parquet"))
    completions = read_records(table)
    check_completions(run.run_id, "strict", run.test, completions)
    other = Verdict.WRONG if completions[0].strict is Verdict.CORRECT else Verdict.CORRECT
    changed = [replace(completions[0], strict=other), *completions[1:]]
    for found in (changed, completions[1:], []):
        with pytest.raises(HarnessError, match=f"the completions of {run.run_id} have other verdicts"):
            check_completions(run.run_id, "strict", run.test, found)
