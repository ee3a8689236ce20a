"""A data set of the hub as own data. The tests replace only the network, with tables of the documented form."""

from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from evaluators.tasks import load_problems, load_whole
from evaluators.types import Split, TaskError

Row = dict[str, Any]
ROWS: list[Row] = [{"question": f"What is {n}+1?", "final": str(n + 1)} for n in range(48)]
COLUMNS = {"prompt": "question", "answer": "final"}


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"train": ROWS[:40], "test_sft": ROWS[40:]}

    def load(name: str, config: str = "default", *, split: str | None = None) -> Any:
        if (name, config) != ("me/mine", "main"):
            raise ValueError("Config name is missing.\nPlease pick one among the available configs: ['main']")
        return made[split] if split else made

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", load)


def test_its_splits_are_taken_by_their_names() -> None:
    options = COLUMNS | {"hub": "me/mine", "config": "main"}
    parts = {split: load_problems("jsonl", split, **options) for split in Split}
    assert len(parts[Split.TEST]) == 8 and len(parts[Split.TRAIN]) + len(parts[Split.VALIDATION]) == 40
    assert load_whole("jsonl", **options) is None
    one = load_whole("jsonl", **options, hub_split="train")
    assert one is not None and len(one) == 40


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    cases: list[tuple[Row, str]] = [
        (
            {"config": "main"},
            r"me/mine \(train\) has no column 'prompt'.* --task 'jsonl:hub=me/mine,config=main,prom",
        ),
        (
            COLUMNS,
            r"hub id me/mine \(ValueError: Config name is missing\. .*\['main'\]\); put its rows into a file",
        ),
        (COLUMNS | {"data": tmp_path / "x.csv"}, "or the hub's me/mine, not both"),
    ]
    for options, message in cases:
        with pytest.raises(TaskError, match=message) as error:
            load_problems("jsonl", Split.TEST, hub="me/mine", **options)
        assert "\n" not in str(error.value)
    with pytest.raises(TaskError, match="option config of the task jsonl is for the hub"):
        load_problems("jsonl", Split.TEST, data=tmp_path / "x.csv", config="main")
