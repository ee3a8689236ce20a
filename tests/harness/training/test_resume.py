"""A run that stops and resumes ends as if it had not stopped. This holds for every objective and every control."""

from pathlib import Path
from typing import Any

import pytest
import torch

from algorithms import OBJECTIVES
from harness.errors import HarnessError
from harness.records.events import Resumed
from harness.records.journal import Journal
from harness.records.provenance import versions
from harness.records.results import read_results
from harness.report.numbers.board import build
from harness.report.pages.notes import warnings
from harness.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from tests.support.own_objective import EXAMPLE
from tests.support.results import suite
from tests.support.small import history, run_small, small_config

KL = {"quantity": "kl", "limit": 0.01, "rate": 0.5}
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "constrained": ("grpo", {"objectives__grpo__constraint": KL, "optimizer__updates_per_rollout": 2}),
    "constrained ppo": ("ppo", {"objectives__ppo__constraint": KL}),
    "robust": (
        "m2po",
        {
            "objectives__m2po__robust": {"kind": "chi_square", "radius": 0.5},
            "objectives__m2po__constraint": {"quantity": "length", "limit": 12.0},
            "optimizer__icepop": [0.5, 2.0],
            "regime": "stale:2",
        },
    ),
    "kto on completions of before": ("kto", {"regime": "replay:32,0.5", "optimizer__updates_per_rollout": 2}),
    "astar_po on completions of before, tossed": (
        "random_reward",
        {"objectives__random_reward": {"like": "astar_po"}, "objectives__astar_po": {}, "regime": "stale:2"},
    ),
    "astar_po on a fixed set": (
        "astar_po",
        {"regime": "offline", "rollout__offline_completions": 48, "rollout__reference_samples": 2},
    ),
    "random draws": ("dpo", {"objectives__dpo__fields__pairing": "random"}),
    "random_reward": ("random_reward", {}),
    "frozen": ("frozen", {}),
    "constrained offline": (
        "agro",
        {
            "objectives__agro__constraint": {"quantity": "length", "limit": 12.0},
            "regime": "offline",
            "rollout__offline_completions": 48,
        },
    ),
}


def torn(config: Any, directory: Path) -> None:
    """Runs it, with a stop after its first step and another in the middle."""
    for patience in (1, 4):
        left = iter(range(patience))
        run_small(config, directory, should_stop=lambda left=left: next(left, None) is None)
    assert run_small(config, directory) == "finished"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_resumes(objective: str, small_runs: dict[str, Path], tmp_path: Path) -> None:
    torn(small_config(objective), tmp_path)
    assert history(tmp_path) == history(small_runs[objective])


def test_without_checkpoints_a_run_writes_none_and_starts_again(small_runs: dict[str, Path], tmp_path: Path) -> None:
    config = small_config("agro", compute__checkpoints=False)
    left = iter(range(4))
    assert run_small(config, tmp_path, should_stop=lambda: next(left, None) is None) == "interrupted"
    assert not list(tmp_path.glob("checkpoint*"))
    assert run_small(config, tmp_path) == "finished"
    assert history(tmp_path)[1:] == history(small_runs["agro"])[1:], "the start records the settings"


def test_ones_own_objective_is_not_resumed_with_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_objective.py").write_text(EXAMPLE)
    monkeypatch.syspath_prepend(tmp_path)
    config = small_config("own_objective:MyObjective")
    left = iter(range(4))
    run_small(config, tmp_path / "runs" / "a", should_stop=lambda: next(left, None) is None)
    run_small(config, tmp_path / "runs" / "done")
    (tmp_path / "own_objective.py").write_text(EXAMPLE + "# another version\n")
    for name in ("a", "done"):
        with pytest.raises(HarnessError, match="another version of its objective's file; start again with --fresh"):
            run_small(config, tmp_path / "runs" / name)


@pytest.mark.parametrize("arm", ARMS)
def test_every_kind_of_arm_resumes(arm: str, tmp_path: Path) -> None:
    objective, changes = ARMS[arm]
    config = small_config(objective, **changes)
    run_small(config, tmp_path / "runs" / "whole")
    torn(config, tmp_path / "runs" / "torn")
    assert history(tmp_path / "runs" / "torn") == history(tmp_path / "runs" / "whole")


def test_a_template_that_makes_other_prompts_is_not_resumed(tmp_path: Path) -> None:
    """For example, a template that contains the date makes other prompts on the next day."""
    template = tmp_path / "chat.jinja"
    changes = {"task__format": "own", "model__chat_template": str(template)}
    config = small_config("agro", **changes)
    template.write_text("{{ messages[-1].content }}")
    left = iter(range(4))
    run_small(config, tmp_path / "run", should_stop=lambda: next(left, None) is None)
    template.write_text("1+1=2;{{ messages[-1].content }}")
    with pytest.raises(HarnessError, match="started with other prompts, possibly because a chat template"):
        run_small(config, tmp_path / "run")
    template.write_text("{{ messages[-1].content }}")
    assert run_small(config, tmp_path / "run") == "finished"


def test_other_libraries_that_take_a_run_up_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal and the leaderboard name them. If the libraries are the same, nothing is added."""
    config = small_config("agro")
    for patience, another in ((1, None), (4, "9.9"), (99, "9.9")):
        if another:
            monkeypatch.setattr("harness.training.open_run.versions", lambda: versions() | {"torch": "9.9"})
        left = iter(range(patience))
        run_small(config, tmp_path, should_stop=lambda left=left: next(left, None) is None)
    events = Journal(tmp_path).read()
    (resumed,) = [event for event in events if isinstance(event, Resumed)]
    assert resumed.versions == versions() | {"torch": "9.9"}
    results = read_results([events])
    board = build(suite(), results)
    assert len(board.environments) == 2
    assert any(line.startswith("torch: ") and "9.9" in line for line in warnings(board))


def test_all_of_an_optimiser_is_taken_up_where_its_weights_are(tmp_path: Path) -> None:
    """This includes its count of steps: on a GPU, a fused step reads it there."""

    def made(device: str) -> tuple[dict[str, torch.nn.Module], torch.optim.Optimizer]:
        layer = torch.nn.Linear(2, 2, device=device)
        return {"policy": layer}, torch.optim.AdamW(layer.parameters())

    modules, optimizer = made("cpu")
    modules["policy"](torch.ones(2)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path, "run", modules, optimizer, Progress(), [])
    elsewhere, taken_up = made("meta")
    assert load_checkpoint(tmp_path, "run", elsewhere, taken_up)
    states = [taken_up.state[parameter] for parameter in elsewhere["policy"].parameters()]
    assert [{name: value.device.type for name, value in state.items()} for state in states] == 2 * [
        {"step": "meta", "exp_avg": "meta", "exp_avg_sq": "meta"}
    ]
