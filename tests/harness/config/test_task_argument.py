"""``--task`` takes a task and its settings in one line."""

import shlex
from typing import Any

import pytest

from harness.config.arguments import changes_of, command_line, parse_task
from harness.errors import HarnessError

READ: list[tuple[str, dict[str, Any]]] = [
    ("gsm8k", {"name": "gsm8k"}),
    ("gsm8k:grading=lenient", {"name": "gsm8k", "grading": "lenient"}),
    (
        "jsonl:prompt=question,answer=a.b.0,split=false",
        {"name": "jsonl", "options": {"prompt": "question", "answer": "a.b.0", "split": False}},
    ),
    ("jsonl:data=a/b.csv, prompt=q", {"name": "jsonl", "data": "a/b.csv", "options": {"prompt": "q"}}),
    ("jsonl:hub=org/name,config=null", {"name": "jsonl", "options": {"hub": "org/name", "config": None}}),
    ("jsonl:prompt='7'", {"name": "jsonl", "options": {"prompt": "7"}}),
    (
        "reasoning_gym:countdown:min_numbers=3,seed=1",
        {"name": "reasoning_gym:countdown", "options": {"min_numbers": 3, "seed": 1}},
    ),
    ("reasoning_gym:gcd", {"name": "reasoning_gym:gcd"}),
    (
        "arithmetic:prompt=What, then: {question}?,largest=9",
        {"name": "arithmetic", "options": {"prompt": "What, then: {question}?", "largest": 9}},
    ),
    ("arithmetic:prompt={question}", {"name": "arithmetic", "options": {"prompt": "{question}"}}),
    ('arithmetic:prompt="{question}\\n= "', {"name": "arithmetic", "options": {"prompt": "{question}\n= "}}),
    ("arithmetic:prompt=x=y {question}", {"name": "arithmetic", "options": {"prompt": "x=y {question}"}}),
]


@pytest.mark.parametrize(("text", "task"), READ, ids=[text for text, _ in READ])
def test_read_and_written_again(text: str, task: dict[str, Any]) -> None:
    assert parse_task(text) == task
    written = shlex.split(command_line("run", {}, changes_of(None, "org/m", "d.csv", None, text)))
    again = written[written.index("--task") + 1]
    assert parse_task(again) == task
    assert written[4:] == ["--model", "org/m", "--data", "d.csv"]


REFUSED = {
    "gsmk8": "unknown task 'gsmk8', did you mean 'gsm8k'",
    "jsonl:promt=q": "no setting 'promt', did you mean 'prompt'",
    "gsm8k:gradin=strict": "no setting 'gradin', did you mean 'grading'",
    "gsm8k=3": "give NAME or NAME:KEY=VALUE",
    "reasoning_gym:countdown,seed=3": "give NAME or NAME:KEY=VALUE",
    "": "give NAME or NAME:KEY=VALUE",
    ":prompt=q": "give NAME or NAME:KEY=VALUE",
    "jsonl:prompt=": "prompt has no value",
    "jsonl:prompt=q,answer=": "answer has no value",
    "jsonl:name=gsm8k": "no setting 'name'",
    "jsonl:options=3": "no setting 'options'",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=REFUSED)
def test_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as error:
        parse_task(text)
    assert "\n" not in str(error.value)
