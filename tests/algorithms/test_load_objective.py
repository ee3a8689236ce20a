"""Objectives are found by name, or in a module of the user. Others are refused in a clear sentence."""

import sys
from pathlib import Path

import pytest

from algorithms import OBJECTIVES, UnknownName, load_objective

MODULE = """
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Mine:
    requires: ClassVar[frozenset] = frozenset()

    def loss(self, policy, batch): ...

@dataclass(frozen=True)
class Idle:
    requires: ClassVar[frozenset] = frozenset()

@dataclass(frozen=True)
class Silent:
    def loss(self, policy, batch): ...

class Plain:
    requires = frozenset()

    def loss(self, policy, batch): ...

INSTANCE = Mine()
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_objectives.py").write_text(MODULE)
    (tmp_path / "broken_objectives.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_objectives", raising=False)
    return "own_objectives"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_built_in_by_name(name: str) -> None:
    assert load_objective(name) is OBJECTIVES[name]


def test_own_by_module_path(own_module: str) -> None:
    objective = load_objective(f"{own_module}:Mine")
    assert objective.__name__ == "Mine"
    assert objective().requires == frozenset()
    assert not hasattr(objective, "family")  # only built-in objectives must have it


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("grop", "unknown objective 'grop'; the built-in ones are agro, "),
        ("no_such_module:Mine", "cannot import 'no_such_module' (ModuleNotFoundError"),
        ("broken_objectives:Mine", "cannot import 'broken_objectives' (ZeroDivisionError"),
        ("mine.py:Mine", "write mine:Mine"),
        ("folder/mine.py:Mine", "write mine:Mine"),
        (":Mine", "cannot import ''"),
        ("own_objectives:", "own_objectives has no ''"),
        ("own_objectives:Mime", "own_objectives has no 'Mime'"),
        ("own_objectives:Plain", "Plain is not a dataclass"),
        ("own_objectives:INSTANCE", "INSTANCE is not a dataclass"),
        ("own_objectives:Idle", "Idle has no 'loss'"),
        ("own_objectives:Silent", "Silent has no 'requires'"),
    ],
)
@pytest.mark.usefixtures("own_module")
def test_refusals_say_what_is_wrong(spec: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        load_objective(spec)
    assert message in str(refusal.value)


def test_an_unknown_name_says_which_are_known(own_module: str) -> None:
    with pytest.raises(UnknownName) as refusal:
        load_objective("grop")
    assert (refusal.value.name, refusal.value.known) == ("grop", tuple(OBJECTIVES))
    with pytest.raises(UnknownName) as refusal:
        load_objective(f"{own_module}:Mime")
    assert refusal.value.name == "Mime" and "Mine" in refusal.value.known
