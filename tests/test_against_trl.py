"""The harness's side of the comparison with TRL still takes its steps, in both precisions."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.against_trl.held import held
from benchmarks.against_trl.ours import as_sampled, measure, opened, step
from benchmarks.against_trl.pairs import read_pairs, trained_tokens
from benchmarks.against_trl.works import DPO_SMOLLM2, GRPO_TINY, WARM_UP, Job, Work
from evaluators.types import Problem, Split
from harness.config.settings import ModelSettings
from harness.launch.machine import cpu_has_bfloat16
from harness.models.loading import load_policy
from harness.rollout.groups import GROUPS, Completion, Group

TINY = "embedded:tiny-arithmetic"
SMALL = replace(GRPO_TINY, prompts=2, group=2, max_tokens=8)
PAIRED = replace(DPO_SMOLLM2, model="tiny-arithmetic", prompts=3, max_tokens=8)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Pairs that no model sampled."""
    policy = load_policy(ModelSettings(path=TINY, device="cpu", dtype="float32"), 1.0)
    made = []
    for question, right, wrong in (("1+2+3=", "6", "777"), ("4+5+6=", "15", "9"), ("7+8+9=", "24", "1")):
        rows = [tuple(policy.tokenizer.encode(text, add_special_tokens=False)) for text in (right, wrong)]
        completions = tuple(Completion(ids=row, logp=(0.0,) * len(row), text="", truncated=False) for row in rows)
        problem = Problem(id=question, prompt=question, answer=right, split=Split.TRAIN)
        made.append(
            Group(
                problem=problem,
                prompt_ids=policy.encode(question),
                completions=(completions[0], completions[1]),
                rewards=(1.0, 0.0),
            )
        )
    path = tmp_path / "pairs.json"
    path.write_bytes(GROUPS.dump_json(made))
    return path


def job(work: Work, pairs: Path, **changes: object) -> Job:
    return Job(work=work, model=TINY, data=None, pairs=str(pairs), steps=WARM_UP + 1, threads=1, changes=changes)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("work", [SMALL, PAIRED], ids=["grpo", "dpo"])
def test_a_step_is_measured(work: Work, dtype: str, pairs: Path) -> None:
    found = measure(job(work, pairs, **{"model.dtype": dtype, "compute.engine": "transformers"}))
    assert len(found["seconds"]) >= WARM_UP + 1
    assert all(seconds > 0 for seconds in found["seconds"])
    assert found["peak"] > 1 << 20
    if work is SMALL:
        # Tiny products may exceed the measured rate of large ones, and by far if bfloat16 is emulated.
        most = 2 if dtype == "float32" or cpu_has_bfloat16() else math.inf
        assert all(0 < rate < most for rate in found["rate"])
    if work is PAIRED:
        assert found["tokens"] == [trained_tokens(read_pairs(str(pairs)))] * (WARM_UP + 1)


def test_given_completions_may_be_trained_on_at_every_step(pairs: Path) -> None:
    """Their log-probabilities are those of the policy of the moment, also after large steps."""
    with opened(replace(job(PAIRED, pairs, **{"model.dtype": "float32"}), rate=1e-3)) as run:
        losses = [step(run, as_sampled(run, read_pairs(str(pairs))))["train/loss"] for _ in range(3)]
    assert losses == sorted(losses, reverse=True)


def test_what_is_held_is_at_least_the_floor(pairs: Path) -> None:
    (_, *works), rows = held([job(SMALL, pairs), job(PAIRED, pairs)])
    assert works == ["grpo-tiny, training", "dpo-smollm2, training"]
    for place in (1, 2):
        *items, whole, floor = (float(row[place]) for row in rows)
        assert whole == pytest.approx(sum(items), abs=0.06)
        assert floor <= whole
