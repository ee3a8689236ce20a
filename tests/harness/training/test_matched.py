"""What makes a comparison fair, checked in journals. Also checks that seeds have an effect."""

from pathlib import Path

import pytest

from algorithms import OBJECTIVES
from tests.support.small import history, journal_of, run_small, small_config, steps

STEPS = {"astar_po": 2}
"""The steps of objectives that do not take six. For each prompt, astar_po samples eight completions of the reference in
addition to its four.
"""
SAME_ON_FRESH = ("rloo", "rloo_published")
"""With one update per batch of fresh completions, these are the same as agro."""
OTHERS = [name for name in OBJECTIVES if name != "agro"]


@pytest.mark.parametrize("other", OTHERS)
def test_objectives_see_the_same_prompts_in_the_same_order(small_runs: dict[str, Path], other: str) -> None:
    prompts = [[step["problems"] for step in steps(small_runs[name])] for name in ("agro", other)]
    assert prompts[0][: STEPS.get(other, 6)] == prompts[1]
    assert len({prompt for step in prompts[0] for prompt in step}) == 24  # and no prompt twice in an epoch


@pytest.mark.parametrize("other", OTHERS)
def test_objectives_start_from_the_same_weights_and_problems(small_runs: dict[str, Path], other: str) -> None:
    starts = [history(small_runs[name])[0]["identity"] for name in ("agro", other)]
    assert starts[0] == starts[1]


@pytest.mark.parametrize("other", OTHERS)
def test_objectives_sample_with_the_same_seeds_until_their_weights_differ(
    small_runs: dict[str, Path], other: str
) -> None:
    first = [steps(small_runs[name])[0]["completions"] for name in ("agro", other)]
    assert first[0] == first[1]
    evaluations = [[r for r in history(small_runs[name]) if r["event"] == "evaluation"][:2] for name in ("agro", other)]
    assert evaluations[0] == evaluations[1]  # both splits before the first update


@pytest.mark.parametrize("other", OTHERS)
def test_objectives_spend_the_same_budget(small_runs: dict[str, Path], other: str) -> None:
    spent = [history(small_runs[name])[-1]["spent"] for name in ("agro", other)]
    assert spent[0]["completions"] == spent[1]["completions"] == 96  # the last step that fits in 100
    for of, taken in zip(spent, (6, STEPS.get(other, 6)), strict=True):
        assert (of["sampled_completions"], of["iterations"]) == (16 * taken, taken)


def test_agro_and_rloo_are_the_same_run(small_runs: dict[str, Path]) -> None:
    """The built-in A/A control: all numbers are equal, except for agro's own metric."""
    agro, rloo = steps(small_runs["agro"]), steps(small_runs["rloo"])
    for ours, theirs in zip(agro, rloo, strict=True):
        ours["metrics"].pop("objective/variance")
        assert ours == theirs
    assert _verdicts(small_runs["agro"]) == _verdicts(small_runs["rloo"])


@pytest.mark.parametrize("other", [name for name in OTHERS if name not in SAME_ON_FRESH])
def test_other_objectives_are_other_runs(small_runs: dict[str, Path], other: str) -> None:
    last = [steps(small_runs[name])[-1]["metrics"]["train/grad_norm"] for name in ("agro", other)]
    assert last[0] != last[1]


def test_another_seed_gives_another_run(small_runs: dict[str, Path]) -> None:
    zero, one = (steps(small_runs[name])[0] for name in ("agro", "agro-1"))
    assert zero["problems"] != one["problems"]
    assert zero["completions"] != one["completions"]
    assert _verdicts(small_runs["agro"]) != _verdicts(small_runs["agro-1"])


def test_the_same_seed_gives_the_same_run(small_runs: dict[str, Path], tmp_path: Path) -> None:
    run_small(small_config("agro", 0), tmp_path)
    assert history(tmp_path) == history(small_runs["agro"])


def test_splitting_a_step_into_micro_batches_changes_rounding_only(small_runs: dict[str, Path], tmp_path: Path) -> None:
    run_small(small_config("grpo", compute__micro_batch_tokens=64), tmp_path)
    whole, split = (steps(path)[0]["metrics"] for path in (small_runs["grpo"], tmp_path))
    assert split["train/grad_norm"] == pytest.approx(whole["train/grad_norm"], rel=1e-4)
    assert split["train/kl_k3"] == pytest.approx(whole["train/kl_k3"], abs=1e-6)
    assert steps(tmp_path)[0]["completions"] == steps(small_runs["grpo"])[0]["completions"]


@pytest.mark.parametrize(
    ("unit", "total"),
    [("completions", 50), ("optimizer_steps", 2), ("sampled_tokens", 900), ("flops", 6e9), ("seconds", 1.5)],
)
def test_a_run_ends_at_the_last_whole_step_within_its_budget(unit: str, total: float, tmp_path: Path) -> None:
    run_small(small_config(budget={"unit": unit, "total": total}), tmp_path)
    records = journal_of(tmp_path)
    end = records[-1]
    spent = end["clock"]["seconds"] if unit == "seconds" else end["spent"][unit]
    taken = [r for r in records if r["event"] == "step"]
    assert end["status"] == "finished"
    assert taken
    if unit != "seconds":  # seconds are known only afterwards
        assert spent <= total
        step = taken[-1]["spent"][unit] - (taken[-2]["spent"][unit] if len(taken) > 1 else 0)
        assert spent + 1.6 * step > total  # another step would not have fitted; the lengths of steps differ
    if unit in ("sampled_tokens", "flops"):
        assert end["spent"]["discarded_completions"] == 16


def test_the_ledger_counts_every_unit(small_runs: dict[str, Path]) -> None:
    spent = history(small_runs["agro"])[-1]["spent"]
    lengths = sum(step["metrics"]["train/completion_tokens"] * 16 for step in steps(small_runs["agro"]))
    assert spent["sampled_tokens"] == round(lengths)
    assert spent["reference_tokens"] == spent["trained_tokens"] > spent["sampled_tokens"]
    # 5 forward equivalents: sampling, reference, and three for forward and backward
    assert spent["flops"] > 5 * 2 * 333984 * spent["trained_tokens"]
    clock = journal_of(small_runs["agro"])[-1]["clock"]
    assert all(clock[f"seconds_{phase}"] > 0 for phase in ("sampling", "grading", "training", "evaluation"))


def test_a_critic_and_every_pass_are_charged(small_runs: dict[str, Path]) -> None:
    """PPO in the suite has two epochs of two minibatches. Its totals need the old log-probabilities before them."""
    ppo, agro = (history(small_runs[name])[-1]["spent"] for name in ("ppo", "agro"))
    once = ppo["trained_tokens"] // 2
    assert ppo["optimizer_steps"] == 24
    assert ppo["scored_tokens"] == ppo["reference_tokens"] == once
    assert ppo["critic_tokens"] == 3 * once  # before the updates, and in each epoch
    assert agro["critic_tokens"] == agro["scored_tokens"] == 0
    # Sampling, reference, old: 3. Forward and backward twice: 6. The critic: 7 of its slightly smaller model.
    per_token = [spent["flops"] / (spent["trained_tokens"] / epochs) for spent, epochs in ((ppo, 2), (agro, 1))]
    assert per_token[0] / per_token[1] == pytest.approx(16 / 5, rel=0.05)


def test_an_objective_pays_only_for_what_it_requires(tmp_path: Path) -> None:
    run_small(small_config("grpo", objectives={"grpo": {"fields": {"beta_kl": 0.0}}}), tmp_path)
    spent = history(tmp_path)[-1]["spent"]
    assert spent["reference_tokens"] == 0
    assert spent["flops"] < 5 * 2 * 333984 * spent["trained_tokens"]
    assert all("train/kl" not in step["metrics"] for step in steps(tmp_path))
    assert [r["kl"] for r in history(tmp_path) if r["event"] == "evaluation"][-1] != 0.0  # measured for all arms


@pytest.mark.parametrize("truncated", [{"evaluation__top_p": 0.9}, {"evaluation__top_k": 3}], ids=["top_p", "top_k"])
def test_no_kl_is_estimated_from_completions_that_are_no_samples_of_the_policy(
    truncated: dict[str, float], tmp_path: Path
) -> None:
    run_small(small_config("grpo", evaluation__shares=[0], **truncated), tmp_path)
    evaluations = [record for record in history(tmp_path) if record["event"] == "evaluation"]
    assert {(record["kl"], record["kl_k3"]) for record in evaluations} == {(None, None)}


def _verdicts(directory: Path) -> list[dict[str, str]]:
    return [record["verdicts"] for record in history(directory) if record["event"] == "evaluation"]
