"""What ``harness init`` writes runs without changes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.config.suites import load_suite
from tests.support.command_line import SETTINGS, harness, refused


def test_the_arm_runs_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = harness("init")
    assert code == 0 and "harness run --suite my-suite.yaml --algos my-arm,grpo" in said
    command = ["run", "--suite", "my-suite.yaml", "--algos", "my-arm,my_objective:MyObjective", "--seeds", "1"]
    command = [sys.executable, "-m", "harness.cli", *command, *SETTINGS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "my-arm" in done.stdout and "my_objective:MyObjective" in done.stdout
    (journal,) = tmp_path.glob("runs/my-suite/runs/my-arm-*/journal.jsonl")
    assert '"objective/advantage_size"' in journal.read_text()


def test_what_is_to_be_tried_works_from_where_it_is_said(tmp_path: Path) -> None:
    code, said = harness("init", str(tmp_path / "a study"))
    assert code == 0 and f"try:  cd '{tmp_path}/a study' && harness run --suite my-suite.yaml" in said


def test_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "my-suite.yaml").write_text("mine")
    refused(["init", str(tmp_path)], "already exists", "my-suite.yaml")
    assert (tmp_path / "my-suite.yaml").read_text() == "mine"
    assert not (tmp_path / "my_objective.py").exists()


def test_the_suite_says_what_each_section_is_for(tmp_path: Path) -> None:
    harness("init", str(tmp_path / "new"))
    path = tmp_path / "new" / "my-suite.yaml"
    suite = load_suite(str(path))
    assert suite.name == "my-suite"
    text = path.read_text()
    assert text.count("#") >= 8
    assert set(yaml.safe_load(text)) <= set(type(suite).model_fields)
