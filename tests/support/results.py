"""Results from journals, also with another outcome than the real one."""

import json
from pathlib import Path
from typing import Any

from harness.config.run_config import RunConfig, SuiteConfig
from harness.config.suites import load_suite
from harness.records.events import decode
from harness.records.results import RunResult, read_results
from tests.support.small import Line, journal_of


def suite(baseline: str = "grpo") -> SuiteConfig:
    return load_suite("tiny-arithmetic", [("baseline", baseline), ("name", "s")])


def records_of(small_runs: dict[str, Path], name: str) -> list[Line]:
    return journal_of(small_runs[name])


def result(records: list[Line], **config: Any) -> RunResult:
    records = json.loads(json.dumps(records))
    for key, value in config.items():
        place = records[0]["config"]
        *sections, last = key.split("__")
        for section in sections:
            place = place[section]
        place[last] = value
    if config:  # as the run would have recorded it
        records[0]["run_id"] = RunConfig.model_validate(records[0]["config"]).run_id
    (made,) = read_results([[decode(line, "test") for line in records]])
    return made


def with_verdicts(records: list[Line], verdicts: dict[str, str]) -> list[Line]:
    """The journal with another outcome of its last test evaluation. Before training, no answer was correct."""
    records = json.loads(json.dumps(records))
    *before, last = [r for r in records if r["event"] == "evaluation" and r["split"] == "test"]
    for evaluation in before:
        judge(evaluation, {problem: "w" * len(letters) for problem, letters in verdicts.items()})
    judge(last, verdicts)
    records[0]["sizes"]["test"] = len(verdicts)
    return records


def judge(evaluation: Line, verdicts: dict[str, str]) -> None:
    """The evaluation with another outcome and the shares that follow from it."""
    joined = "".join(verdicts.values())
    evaluation |= {"verdicts": verdicts, "accuracy": joined.count("c") / len(joined)}
    evaluation |= {"unparsed": joined.count("u") / len(joined), "grader_timeouts": 0.0, "grader_errors": 0.0}


def outcome(records: list[Line], right: int, start: int = 40) -> list[Line]:
    """How many of 100 problems were solved at the end, and at the start."""
    made = with_verdicts(records, {f"{n:03}": "cc" if n < right else "ww" for n in range(100)})
    first = next(r for r in made if r["event"] == "evaluation" and r["split"] == "test")
    judge(first, {f"{n:03}": "cc" if n < start else "ww" for n in range(100)})
    return made
