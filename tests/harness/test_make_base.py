"""The embedded models: what they know, what they do, and that they can be made again."""

import re
from pathlib import Path

import pytest

from evaluators.tasks import load_problems
from evaluators.types import Split
from harness.bases import BASES
from harness.bases.training import make_base
from harness.loading import load_policy
from harness.policy import Policy
from harness.rollout.engine import Sampling, sample_groups
from harness.rollout.transformers_engine import TransformersEngine
from harness.settings import ModelSettings


@pytest.fixture(scope="module")
def base() -> Policy:
    return load_policy(ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32"), 1.0)


def answers(base: Policy, temperature: float) -> list[tuple[str, bool]]:
    """(text, correct) of 2 completions for 100 validation problems."""
    problems = load_problems("arithmetic", Split.VALIDATION)[:100]
    engine = TransformersEngine(base, sample_batch=512)
    groups = sample_groups(engine, base, problems, 2, Sampling(temperature=temperature, max_tokens=48), seed=0)
    return [(c.text, c.text.endswith(f"####{g.problem.answer}")) for g in groups for c in g.completions]


def test_it_has_room_to_improve_and_the_skill_to_do_so(base: Policy) -> None:
    sampled, greedy = answers(base, 1.0), answers(base, 0.0)
    assert 0.25 <= sum(right for _, right in sampled) / len(sampled) <= 0.5
    assert sum(right for _, right in greedy) / len(greedy) > 0.9
    bare = sum(text.startswith("####") for text, _ in sampled) / len(sampled)
    assert 0.25 < bare < 0.45  # the bad habit
    assert all(re.fullmatch(r"(\d+\+\d+=\d+;)*####\d+", text) for text, _ in greedy)


def test_it_is_small_and_safe() -> None:
    folder = Path(__file__).parents[2] / "harness" / "assets" / "tiny-arithmetic"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4_000_000
    assert not [file for file in folder.iterdir() if file.suffix not in (".json", ".safetensors")]


@pytest.mark.parametrize("base", BASES)
def test_making_it_is_deterministic(base: str, tmp_path: Path) -> None:
    told: list[str] = []
    for name in ("one", "two"):
        make_base(BASES[base], tmp_path / name, steps=3, report=told.append)
    make_base(BASES[base], tmp_path / "other", steps=3, seed=1, report=told.append)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two", "other")]
    assert weights[0] == weights[1] != weights[2]
