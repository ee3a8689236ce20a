"""The passes that an objective asks for: of which weights, of which completions, and at what cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import harness.training.update
from algorithms.kto import KTO
from algorithms.m2po import M2PO
from algorithms.ops import k1
from harness.config.arms import run_config
from harness.config.optimizer import OptimizerSettings
from harness.config.regime import RegimeSpec
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.models.sequences import Sequences
from harness.rollout.groups import Group
from harness.training.micro_batches import micro_batches
from harness.training.passes import Passes
from harness.training.state import RunState
from harness.training.update import update
from tests.support.small import SMALL, SUITE, history, run_small, small_config

SEVERAL = {"optimizer__updates_per_rollout": 4, "optimizer__minibatches": 2, "optimizer__warmup_steps": 0}
BRIEF = {"budget": {"unit": "completions", "total": 48}, "evaluation__shares": []}
ON_POLICY, STALE = RegimeSpec(kind="on_policy"), RegimeSpec(kind="stale", steps=4)
ONCE, OFTEN = OptimizerSettings(), OptimizerSettings(updates_per_rollout=4, minibatches=2)


def test_current_log_probabilities_are_those_of_each_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps, moved = [], []
    backward = harness.training.update._backward

    @torch.no_grad()
    def watched(run: RunState, dealt: Sequence[Sequence[Group]], counts: Any, *, first: bool) -> Any:
        (groups,) = dealt
        for part in micro_batches(groups, run.config.compute.micro_batch_tokens, run.policy.layout):
            now, given = run.policy.logp(part.sequences), part.scores.given()
            gaps.append(float((now - given["current_logp"]).abs().max()))
            moved.append(float((now - given["old_logp"]).abs().max()))
        with torch.enable_grad():
            return backward(run, dealt, counts, first=first)

    monkeypatch.setattr(harness.training.update, "_backward", watched)
    run_small(small_config("m2po", **SEVERAL, **BRIEF), tmp_path)
    assert len(gaps) == 12
    assert max(gaps) < 1e-5
    assert moved[0] < 1e-5  # at the first update on fresh completions
    assert min(moved[1:4]) > 1e-3  # and not afterwards


def test_mismatched_pairs_are_each_prompt_with_the_next_ones_completions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = []

    @torch.no_grad()
    def watched(run: RunState, groups: Sequence[Group]) -> dict[str, float]:
        following = [*groups[1:], groups[0]]
        pairs = [(a.prompt_ids, c.ids) for a, b in zip(groups, following, strict=True) for c in b.completions]
        crossed = Sequences.of(pairs)
        expected = k1(run.policy.logp(crossed), run.reference.logp(crossed), crossed.mask)
        given = torch.cat([group.scores.given()["mismatched_log_ratio"] for group in groups])
        torch.testing.assert_close(given, expected, rtol=0, atol=1e-4)
        with torch.enable_grad():
            metrics = update(run, groups)
        points.append(
            (max(0.0, float(expected.mean())), metrics["objective/mismatched_kl"], float(expected.abs().max()))
        )
        return metrics

    monkeypatch.setattr("harness.training.loop.update", watched)
    run_small(small_config("kto", **BRIEF, optimizer__warmup_steps=0), tmp_path)
    assert len(points) == 3
    assert all(metric == pytest.approx(point, abs=1e-5) for point, metric, _ in points)
    assert points[0][2] == 0  # the policy is still the reference
    assert points[2][2] > 0.01


def test_each_pass_is_charged(small_runs: dict[str, Path], tmp_path: Path) -> None:
    """In runs with one update per batch, and with four."""
    run_small(small_config("m2po", **SEVERAL), tmp_path / "m2po")
    run_small(small_config("kto", **SEVERAL), tmp_path / "kto")
    folders = {name: small_runs[name] for name in ("agro", "m2po", "kto")}
    folders |= {f"{name} often": tmp_path / name for name in ("m2po", "kto")}
    spent = {name: history(folder)[-1]["spent"] for name, folder in folders.items()}
    # Sampling, reference, and three for training.
    a_token = spent["agro"]["flops"] / spent["agro"]["trained_tokens"] / 5
    for name, epochs, scored, reference in (
        ("m2po", 1, 1, 0),  # one pass is both the start of the updates and the only update
        ("kto", 1, 1, 2),
        ("m2po often", 2, 3, 0),  # before the updates, and in each of two epochs
        ("kto often", 2, 1, 2),
    ):
        once = spent[name]["trained_tokens"] // epochs
        assert spent[name]["scored_tokens"] == scored * once
        assert spent[name]["reference_tokens"] == reference * once
        passes = 1 + 3 * epochs + scored + reference  # sampling; forward and backward count as three
        assert spent[name]["flops"] / once == pytest.approx(passes * a_token, rel=0.03)


def test_completions_of_the_reference_are_charged_and_leave_the_rest_as_it_is(
    small_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Group] = []

    def watched(run: RunState, groups: Sequence[Group]) -> dict[str, float]:
        seen.extend(groups)
        return update(run, groups)

    monkeypatch.setattr("harness.training.loop.update", watched)
    assert run_small(small_config("astar_po"), tmp_path) == "finished"
    spent, plain = history(tmp_path)[-1]["spent"], history(small_runs["agro"])[-1]["spent"]
    assert all(len(group.reference_tokens) == 8 for group in seen)
    rewards = torch.cat([group.scores.given()["ref_rewards"] for group in seen])
    assert rewards.shape == (32, 8)
    assert 0.1 < rewards.mean() < 0.9  # the reference solves 44 %
    assert (rewards.view(8, 4, 8) == rewards.view(8, 4, 8)[:, :1]).all()
    assert len({tuple(row) for row in rewards[::4].tolist()}) > 4
    besides = sum(sum(group.reference_tokens) for group in seen)
    own = sum(len(c.ids) for group in seen for c in group.completions)
    assert spent["sampled_tokens"] == own + besides
    assert (spent["completions"], spent["sampled_completions"], spent["iterations"]) == (96, 32, 2)
    asked = sum(8 * len(group.prompt_ids) for group in seen)
    a_token = plain["flops"] / plain["trained_tokens"] / 5
    assert spent["flops"] / a_token == pytest.approx(5 * spent["trained_tokens"] + besides + asked, rel=0.02)


def test_they_are_the_same_whatever_the_policy_has_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The completions are the reference's, so weights that have moved far give the same as weights that have not."""
    found: dict[float, list[Any]] = {1e-30: [], 3e-2: []}
    for rate, rewards in found.items():

        def watched(run: RunState, groups: Sequence[Group], into: list[Any] = rewards) -> dict[str, float]:
            into.append([group.scores.given()["ref_rewards"].tolist() for group in groups])
            return update(run, groups)

        monkeypatch.setattr("harness.training.loop.update", watched)
        changes = {"optimizer__learning_rate": rate, "optimizer__warmup_steps": 0, "evaluation__shares": []}
        run_small(small_config("astar_po", **changes), tmp_path / str(rate))
    assert found[1e-30] == found[3e-2]
    assert len(found[1e-30]) == 2


def test_the_last_evaluation_is_of_the_policy_though_the_engine_has_sampled_from_the_reference(tmp_path: Path) -> None:
    """The budget rejects a batch after its completions of the reference have been sampled."""
    changes = {"optimizer__learning_rate": 3e-2, "optimizer__warmup_steps": 0, "evaluation__shares": []}
    run_small(small_config("astar_po", budget={"unit": "sampled_tokens", "total": 1900}, **changes), tmp_path)
    first, *_, last = [r for r in history(tmp_path) if r["event"] == "evaluation" and r["split"] == "test"]
    spent = history(tmp_path)[-1]["spent"]
    assert spent["iterations"] >= 1 and spent["discarded_completions"] == 48
    assert last["kl"] > 1
    assert last["verdicts"] != first["verdicts"]


def test_a_budget_below_one_step_with_the_references_completions_is_refused() -> None:
    with pytest.raises(HarnessError, match="a budget of 40 completions is less than the 48 of one step of astar_po"):
        small_config("astar_po", budget={"unit": "completions", "total": 40})


@pytest.mark.parametrize(
    ("regime", "optimizer", "expected"),
    [
        (ON_POLICY, ONCE, Passes(start=("current_logp", "old_logp"))),
        (STALE, ONCE, Passes(behaviour=("old_logp",), start=("current_logp",))),
        (ON_POLICY, OFTEN, Passes(start=("old_logp",), current=("current_logp",))),
        (STALE, OFTEN, Passes(behaviour=("old_logp",), current=("current_logp",))),
    ],
)
def test_no_pass_is_made_twice(regime: RegimeSpec, optimizer: OptimizerSettings, expected: Passes) -> None:
    assert Passes.of(M2PO(), regime, optimizer) == expected
    crossed = Passes(mismatched=("mismatched_log_ratio",), reference=("ref_logp",))
    assert Passes.of(KTO(), regime, optimizer) == crossed


def test_a_single_prompt_has_no_mismatched_pair() -> None:
    suite = load_suite(SUITE, list((SMALL | {"rollout.prompts": 1}).items()))
    with pytest.raises(HarnessError, match=r"rollout\.prompts is 1, but kto pairs prompts with completions of other"):
        run_config(suite, "kto", 0)
    assert run_config(suite, "agro", 0).objective.name == "agro"
