"""Runs with another model or task than their suite's have their own name. With the same ones, they have its name."""

import re
from copy import deepcopy
from typing import Any

import pytest

from harness.config.naming import model_name, task_name
from harness.config.settings import TaskSettings
from harness.config.suites import load_suite

Changes = list[tuple[str, Any]]
OWN = {"name": "jsonl", "options": {"prompt": "question"}}
RENAMED: list[tuple[str, Changes, str]] = [
    ("tiny-arithmetic", [("task", OWN), ("task.data", "mine.jsonl")], "mine.jsonl@tiny-arithmetic"),
    ("tiny-arithmetic", [("task", OWN), ("task.data", "./mine.jsonl")], "mine.jsonl@tiny-arithmetic"),
    ("tiny-arithmetic", [("task", {"name": "reasoning_gym:gcd"})], "reasoning_gym-gcd@tiny-arithmetic"),
    ("smollm2-gsm8k", [("model.path", "org/TinyLlama-1.1B")], "gsm8k@TinyLlama-1.1B"),
    ("smollm2-gsm8k", [("model.path", "some/where/x.Q4_1.gguf")], "gsm8k@x.Q4_1"),
    ("smollm2-gsm8k", [("model.path", "runs/s/runs/agro-s0-1/final")], "gsm8k@agro-s0-1-final"),
    ("smollm2-gsm8k", [("task.data", "mine.csv")], "mine.csv@SmolLM2-135M-Instruct"),
    (
        "smollm2-gsm8k",
        [("task", {"name": "jsonl", "options": {"hub": "openai/gsm8k"}})],
        "openai-gsm8k@SmolLM2-135M-Instruct",
    ),
]
KEPT: list[tuple[str, Changes]] = [
    ("tiny-arithmetic", []),
    (
        "tiny-arithmetic",
        [("task", {"name": "arithmetic", "options": {"largest": 9}}), ("optimizer.learning_rate", 1e-3)],
    ),
    ("smollm2-gsm8k", [("model.path", "SmolLM2-135M-Instruct.Q4_1.gguf"), ("task.data", "gsm8k/")]),
    ("smollm2-gsm8k", [("model.path", "/models/smollm2-135m-instruct-q8_0.gguf"), ("task.data", "data/*.jsonl")]),
    ("smollm2-gsm8k", [("model.path", f"hub/models--x--SmolLM2-135M-Instruct/snapshots/{'0a' * 20}")]),
    ("smollm2-gsm8k", [("task", {"name": "gsm8k", "grading": "strict"})]),
]


@pytest.mark.parametrize(("suite", "changes", "name"), RENAMED, ids=[name for *_, name in RENAMED])
def test_another_model_or_task_is_in_the_name(suite: str, changes: Changes, name: str) -> None:
    made = load_suite(suite, changes)
    assert made.name == name
    assert suite in made.description and made.description != load_suite(suite).description
    assert load_suite(suite, changes) == made


@pytest.mark.parametrize(("suite", "changes"), KEPT)
def test_the_same_model_and_task_keep_the_suites_name(suite: str, changes: Changes) -> None:
    made = load_suite(suite, changes)
    assert (made.name, made.description) == (suite, load_suite(suite).description)


def test_a_name_that_is_given_stays() -> None:
    assert load_suite("tiny-arithmetic", [("name", "mine"), ("model.path", "org/other")]).name == "mine"


@pytest.mark.parametrize(
    "changes",
    [
        [("task", {"name": "jsonl"}), ("task.data", "a.csv")],
        [("task", {"name": "arithmetic", "options": {}}), ("task.options.largest", 9)],
        [("rollout", {"prompts": 4}), ("rollout.group_size", 4)],
    ],
)
def test_changes_are_left_as_they_are(changes: Changes) -> None:
    before = deepcopy(changes)
    load_suite("tiny-arithmetic", changes)
    assert changes == before


def test_files_of_the_same_name_in_other_places_have_other_names() -> None:
    paths = [
        "mine.jsonl",
        "a/mine.jsonl",
        "b/mine.jsonl",
        "/a/mine.jsonl",
        "m ine.jsonl",
        "m-ine.jsonl",
        "../mine.jsonl",
    ]
    names = {task_name(TaskSettings(name="jsonl", data=path)) for path in paths}
    assert len(names) == len(paths)


@pytest.mark.parametrize(
    "path", ["a b/c:d*?[e].jsonl", "...", "/", "données.csv", "dir/*.jsonl", "x'y\"z.csv", "..", "-x.csv", "a%b@c.csv"]
)
def test_names_are_those_of_directories_and_experiments(path: str) -> None:
    for name in (task_name(TaskSettings(name="jsonl", data=path)), model_name(path)):
        assert re.fullmatch(r"\w[\w.-]*", name)


def test_options_of_the_suites_task_are_none_of_another() -> None:
    changed = load_suite("smollm2-sums", [("task", {"name": "gsm8k"})])
    assert (changed.task.options, changed.task.grading) == ({}, "strict")
    same = load_suite("smollm2-sums", [("task", {"name": "arithmetic", "options": {"largest": 9}})])
    assert same.task.options == load_suite("smollm2-sums").task.options | {"largest": 9}
    assert same.task.grading == "lenient"
