"""GSM8K from files and from the hub."""

import json
import re
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from evaluators.tasks import load_problems
from evaluators.types import Split, TaskError

SIZES = {Split.TRAIN: 7069, Split.VALIDATION: 404, Split.TEST: 1319}
FIRST = {Split.TRAIN: "074449503cfdbaa5", Split.VALIDATION: "eab9f724937b1700", Split.TEST: "ecdf90987215658c"}


def test_the_published_files(data_dir: Path) -> None:
    splits = {split: load_problems("gsm8k", split, data=data_dir) for split in Split}
    assert {split: len(part) for split, part in splits.items()} == SIZES
    assert {split: part[0].id for split, part in splits.items()} == FIRST
    problems = [problem for part in splits.values() for problem in part]
    assert (
        len({problem.id for problem in problems})
        == len({problem.prompt for problem in problems})
        == sum(SIZES.values())
    )
    assert all(re.fullmatch(r"-?[0-9]+", problem.answer) for problem in problems)
    assert all(p.prompt == p.question and p.split is split for split, part in splits.items() for p in part)
    worked = splits[Split.TRAIN][0].solution
    assert worked.startswith("Natalia sold 48/2 = 24 clips in May.") and "<<" not in worked and "####" not in worked


def test_a_pattern_finds_what_the_folder_holds(data_dir: Path) -> None:
    for split in Split:
        assert load_problems("gsm8k", split, data=f"{data_dir}/*.jsonl") == load_problems("gsm8k", split, data=data_dir)


def test_a_single_file_is_split_on_its_own(data_dir: Path) -> None:
    splits = [load_problems("gsm8k", split, data=data_dir / "gsm8k_test.jsonl") for split in Split]
    assert [len(part) for part in splits] == [1073, 134, 112]
    assert len({problem.id for part in splits for problem in part}) == 1319


def test_the_prompt_is_an_option_and_leaves_ids_alone(data_dir: Path) -> None:
    plain = load_problems("gsm8k", Split.TEST, data=data_dir)[0]
    asked = load_problems("gsm8k", Split.TEST, data=data_dir, prompt="Q: {question} {x}\nA:")[0]
    assert asked.prompt.startswith("Q: Janet") and asked.prompt.endswith("{x}\nA:")
    assert asked.question == plain.question and plain.question in plain.prompt
    assert (asked.id, asked.answer) == (plain.id, plain.answer) == (FIRST[Split.TEST], "18")
    with pytest.raises(TaskError, match=r"has no \{question\}"):
        load_problems("gsm8k", Split.TEST, data=data_dir, prompt="no place for it")


def test_broken_data(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    for row, message in [
        ({"question": "x", "answer": "no marker"}, "one.jsonl:1: 'answer' has no"),
        ({"question": "x", "answer": "empty ####"}, "one.jsonl:1: 'answer' has no"),
        ({"question": "x"}, "one.jsonl:1 has no field 'answer'"),
    ]:
        file.write_text(json.dumps(row))
        with pytest.raises(TaskError, match=message):
            load_problems("gsm8k", Split.TEST, data=file)
    with pytest.raises(TaskError, match=r"there is no file .*gsm8k_test.jsonl"):
        load_problems("gsm8k", Split.TEST, data=tmp_path)
    with pytest.raises(TaskError, match=r"matches no file gsm8k_train\.jsonl"):
        load_problems("gsm8k", Split.TRAIN, data=tmp_path / "*.jsonl")


def test_an_unreachable_hub_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, timeout: float, **__: object) -> None:
        assert timeout <= 10
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("would retry for long"))
    with pytest.raises(TaskError, match=r"hub id openai/gsm8k \(ConnectionError\); pass --data") as error:
        load_problems("gsm8k", Split.TEST)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("offline", [True, False])
def test_the_hub_gives_the_same_problems_as_files(
    offline: bool, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, config: str, *, split: str) -> list[dict[str, Any]]:
        assert (name, config) == ("openai/gsm8k", "main")
        return [json.loads(line) for line in (data_dir / f"gsm8k_{split}.jsonl").open(encoding="utf-8")]

    def probe(*_: object, **__: object) -> None:
        assert not offline

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", probe)
    monkeypatch.setattr(datasets, "load_dataset", load)
    for split in Split:
        assert load_problems("gsm8k", split) == load_problems("gsm8k", split, data=data_dir)
