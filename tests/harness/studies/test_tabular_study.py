"""``harness tabular`` as a command: its files, objectives that do not fit, and bad input."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from algorithms.types import Batch, LossOutput, PolicyOutput
from harness.errors import HarnessError
from harness.studies.tabular import _check_the_claim, study
from harness.studies.tabular.leak import DATA
from harness.studies.tabular.problems import BEHAVIOURS, random_problems
from harness.terminal import Terminal

FILES = {
    "convergence.json",
    "convergence.md",
    "convergence.png",
    "gradients.json",
    "gradients.md",
    "leak.json",
    "leak.md",
    "leak.png",
}


@dataclass(frozen=True, kw_only=True)
class Broken:
    """An objective that does not fit the study."""

    requires: ClassVar[frozenset[str]] = frozenset()

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        raise RuntimeError("two prompts at least")


@dataclass(frozen=True, kw_only=True)
class Stateful(Broken):
    """An objective that needs measurements of the step before."""

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        return state


ALGOS = ["agro", "ppo", f"{__name__}:Broken"]


def write(folder: Path) -> tuple[dict[str, bytes], str]:
    console = Terminal(file=StringIO(), width=80)
    console.soft_wrap = False  # as on a terminal, which breaks lines itself
    study(folder, console, problems=4, algos=ALGOS)
    assert isinstance(console.file, StringIO)
    return {path.name: path.read_bytes() for path in (folder / "tabular").iterdir()}, console.file.getvalue()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], str]:
    return write(tmp_path_factory.mktemp("results"))


def test_all_files_are_written(written: tuple[dict[str, bytes], str]) -> None:
    files, shown = written
    assert set(files) == FILES
    assert files["convergence.png"].startswith(b"\x89PNG")
    assert "agro ends at most" in shown and max(map(len, shown.splitlines())) <= 80
    for name in ("convergence", "gradients"):
        assert b"harness tabular --problems 4 --seed 0 --algos agro,ppo," in files[f"{name}.md"]
        rows = json.loads(files[f"{name}.json"])["rows"]
        assert {row["objective"] for row in rows} == {"agro", "agro form=on_policy", "ppo"}
        assert {row["behaviour"] for row in rows} == set(BEHAVIOURS)
    leak = json.loads(files["leak.json"])
    assert {(row["objective"], row["data"]) for row in leak["rows"]} == {
        (objective, data) for objective in ("agro", "agro form=on_policy", "ppo") for data in DATA
    }
    assert len(leak["level"]) == 4
    assert files["leak.png"].startswith(b"\x89PNG")


def test_what_does_not_fit_is_said_and_the_others_go_on(written: tuple[dict[str, bytes], str]) -> None:
    files, shown = written
    assert "Broken does not fit the study: RuntimeError: two prompts at least" in " ".join(shown.split())
    assert [row["objective"] for row in json.loads(files["convergence.json"])["unfit"]] == ALGOS[2:]


def test_the_same_seed_gives_the_same_bytes(written: tuple[dict[str, bytes], str], tmp_path: Path) -> None:
    assert write(tmp_path / "again")[0] == written[0]
    assert not torch.equal(random_problems(4, 0).rewards, random_problems(4, 1).rewards)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"problems": 1}, "at least 2 problems"),
        ({"algos": ["argo"]}, "did you mean 'agro'"),
        ({"algos": []}, "no objectives are named"),
        ({"algos": ["algorithms.constrained:Constrained"]}, "missing"),
        ({"algos": [f"{__name__}:Stateful"]}, "from step to step"),
    ],
)
def test_bad_input_is_one_sentence(wrong: dict[str, object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=sentence):
        study(tmp_path, Terminal(file=StringIO()), **wrong)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_agro_at_rest_off_the_optimum_is_an_error(tmp_path: Path) -> None:
    _check_the_claim([{"objective": "agro", "max_settled": None}, {"objective": "dpo", "max_settled": 1.0}], tmp_path)
    with pytest.raises(HarnessError, match=r"agro settled 1\.0e-03 nats from an optimum"):
        _check_the_claim([{"objective": "agro", "max_settled": 1e-3}], tmp_path)
