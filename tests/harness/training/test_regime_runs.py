"""Whole runs in every regime: what they sample and charge, and that they can stop at any step."""

import gzip
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import harness.training.state
import harness.training.update
from harness.errors import HarnessError
from harness.rollout.fixed_set import content_of
from harness.rollout.groups import GROUPS, Group
from harness.training.micro_batches import MicroBatch, micro_batches
from harness.training.state import RunState
from tests.support.small import history, run_small, small_config, steps

REGIMES: dict[str, dict[str, Any]] = {
    "on_policy": {},
    "stale": {"regime": "stale:2"},
    "replay": {"regime": "replay:32,0.5"},
    "offline": {"regime": "offline", "rollout__offline_completions": 48},
}


def test_a_stale_run_samples_with_old_weights(tmp_path: Path) -> None:
    """Compared with a run whose weights do not move, only the first k + 1 batches come from the start weights."""
    still = small_config(optimizer__learning_rate=1e-30, objectives={})
    run_small(still, tmp_path / "still")
    first = [step["completions"] for step in steps(tmp_path / "still")]
    for regime, same in (("on_policy", 1), ("stale:2", 3)):
        run_small(small_config(regime=regime, objectives={}, optimizer__learning_rate=3e-3), tmp_path / regime)
        found = [step["completions"] for step in steps(tmp_path / regime)]
        assert found[:same] == first[:same]
        assert all(ours != theirs for ours, theirs in zip(found[same:], first[same:], strict=True))


def test_old_log_probabilities_are_those_of_the_weights_that_sampled(tmp_path: Path) -> None:
    for name, changes in REGIMES.items():
        config = small_config("grpo", **changes, optimizer__warmup_steps=0)
        run_small(config, tmp_path / "runs" / name)
        last = steps(tmp_path / "runs" / name)[-1]["metrics"]
        assert last["engine/logp_gap_max"] < 1e-4  # engine and trainer agree on them
        if name == "on_policy":
            assert last["objective/ratio_mean"] == 1.0
            assert last["train/ratio_mean"] == pytest.approx(1.0, abs=1e-3)
        else:
            assert last["objective/ratio_mean"] != 1.0  # and the policy has moved since then
            assert abs(last["train/kl_from_behaviour"]) > 1e-3
            assert abs(last["train/ratio_mean"] - 1.0) > 1e-3
        assert last["train/ratio_mean"] >= math.exp(-last["train/kl_from_behaviour"]) - 1e-6  # a mean of exponentials


def test_objectives_share_one_offline_set_and_seeds_do_not(tmp_path: Path) -> None:
    runs = {"agro": ("agro", 0), "grpo": ("grpo", 0), "other": ("agro", 1)}
    for name, (objective, seed) in runs.items():
        run_small(small_config(objective, seed, **REGIMES["offline"]), tmp_path / "runs" / name)
    found = {name: history(tmp_path / "runs" / name) for name in runs}
    assert found["agro"][0]["data"] == found["grpo"][0]["data"] != found["other"][0]["data"]
    assert found["agro"][0]["data"]["completions"] == 48
    sampled = {name: [step["completions"] for step in steps(tmp_path / "runs" / name)] for name in runs}
    assert sampled["agro"] == sampled["grpo"]  # at every step, not only the first
    assert len(list((tmp_path / "offline").iterdir())) == 2
    for name in runs:
        spent = found[name][-1]["spent"]
        assert (spent["completions"], spent["sampled_completions"], spent["shared_completions"]) == (96, 48, 48)


def test_a_damaged_or_altered_offline_set_is_refused(tmp_path: Path) -> None:
    config = small_config(**REGIMES["offline"])
    run_small(config, tmp_path / "runs" / "a")
    (path,) = tmp_path.glob("offline/*/completions.json.gz")
    stored = json.loads(gzip.decompress(path.read_bytes()))
    stored["groups"][0]["rewards"] = [0.5] * 4
    path.write_bytes(gzip.compress(json.dumps(stored).encode()))
    with pytest.raises(HarnessError, match="does not match its hash; delete it"):
        run_small(config, tmp_path / "runs" / "b")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(HarnessError, match=r"is damaged, .*; delete it"):
        run_small(config, tmp_path / "runs" / "b")


def test_a_run_does_not_go_on_with_another_offline_set(tmp_path: Path) -> None:
    config = small_config(**REGIMES["offline"])
    left = iter(range(4))
    run_small(config, tmp_path / "runs" / "a", should_stop=lambda: next(left, None) is None)
    (path,) = tmp_path.glob("offline/*/completions.json.gz")
    stored = json.loads(gzip.decompress(path.read_bytes()))
    stored["groups"][0]["rewards"] = [0.5] * 4
    stored["content"] = content_of(GROUPS.validate_python(stored["groups"]))
    path.write_bytes(gzip.compress(json.dumps(stored).encode()))
    with pytest.raises(HarnessError, match=r"started on another offline set.*--fresh"):
        run_small(config, tmp_path / "runs" / "a")


SEVERAL: dict[str, Any] = {
    "on_policy": {},
    "stale": {"regime": "stale:8"},
    "replay": REGIMES["replay"],
    "offline": REGIMES["offline"],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_every_pass_is_of_the_right_weights(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GEPPO needs all passes, with several updates per rollout. The test computes each field again."""
    gaps: dict[str, list[float]] = {field: [] for field in ("old_logp", "start_logp", "ref_logp", "moved")}
    backward = harness.training.update._backward

    @torch.no_grad()
    def compare(run: RunState, parts: Sequence[MicroBatch]) -> None:
        for part in parts:
            now, given = run.policy.logp(part.sequences), part.scores.given()
            gaps["start_logp"].append(float((now - given["start_logp"]).abs().max()))
            gaps["ref_logp"].append(float((run.reference.logp(part.sequences) - given["ref_logp"]).abs().max()))
            gaps["old_logp"].append(float((part.engine_logp - given["old_logp"]).abs().max()))
            gaps["moved"].append(float((now - part.engine_logp).abs().max()))

    def watched(run: RunState, dealt: Sequence[Sequence[Group]], counts: Any, *, first: bool) -> Any:
        (groups,) = dealt
        if first:
            compare(run, micro_batches(groups, run.config.compute.micro_batch_tokens, run.policy.layout))
        return backward(run, dealt, counts, first=first)

    monkeypatch.setattr(harness.training.update, "_backward", watched)
    run_small(small_config("geppo", **SEVERAL[name], optimizer__warmup_steps=0), tmp_path / "runs" / "a")
    assert all(max(gaps[field]) < 1e-4 for field in ("old_logp", "start_logp", "ref_logp"))
    assert (max(gaps["moved"]) > 0.1) == (name != "on_policy")  # otherwise the three could be one


@pytest.mark.parametrize("name", REGIMES)
@pytest.mark.parametrize("unit", ["completions", "optimizer_steps", "sampled_tokens", "flops"])
def test_every_regime_ends_within_a_budget_of_any_unit(name: str, unit: str, tmp_path: Path) -> None:
    total = {"completions": 70, "optimizer_steps": 4, "sampled_tokens": 800, "flops": 5e9}[unit]
    if (name, unit) == ("offline", "sampled_tokens"):
        with pytest.raises(HarnessError, match="with a fixed set, a budget of sampled_tokens never ends"):
            small_config(**REGIMES[name], budget={"unit": unit, "total": total})
        return
    config = small_config(**REGIMES[name], budget={"unit": unit, "total": total}, evaluation__shares=[])
    run_small(config, tmp_path / "runs" / name)
    end = history(tmp_path / "runs" / name)[-1]
    taken = steps(tmp_path / "runs" / name)
    assert end["status"] == "finished"
    assert end["spent"][unit] <= total
    step = end["spent"][unit] / len(taken)
    assert end["spent"][unit] + 1.7 * step > total  # another step would not have fitted; the lengths of steps differ
    if unit in ("completions", "optimizer_steps"):
        assert end["spent"]["discarded_completions"] == 0


@pytest.mark.parametrize("objective", ["agro", "grpo", "ppo"])
@pytest.mark.parametrize("name", [n for n in REGIMES if n != "on_policy"])
def test_a_run_left_at_any_step_ends_as_if_nothing_had_happened(name: str, objective: str, tmp_path: Path) -> None:
    changes = REGIMES[name] | ({"regime": "stale:8"} if (objective, name) == ("ppo", "stale") else {})
    config = small_config(objective, **changes, evaluation__shares=[0, 0.3, 0.7, 1])
    run_small(config, tmp_path / "runs" / "whole")
    for patience in (1, 3, 2):
        count = iter(range(patience))
        outcome = run_small(config, tmp_path / "runs" / "torn", should_stop=lambda left=count: next(left, None) is None)
        assert outcome == "interrupted"
    assert run_small(config, tmp_path / "runs" / "torn") == "finished"
    assert history(tmp_path / "runs" / "torn") == history(tmp_path / "runs" / "whole")
