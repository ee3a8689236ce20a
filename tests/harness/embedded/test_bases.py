"""The embedded models: what they know, what they do, and that they can be made again."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from evaluators.tasks import load_problems
from evaluators.types import Split
from harness.config.settings import ModelSettings
from harness.embedded.bases import BASES, gcd, products
from harness.embedded.bases.training import make_base
from harness.models.loading import load_policy
from harness.rollout.engines.engine import Sampling, sample_groups
from harness.rollout.engines.transformers_engine import TransformersEngine
from tests.support.paths import ROOT

TASKS: dict[str, tuple[str, dict[str, Any], str]] = {
    "tiny-arithmetic": ("arithmetic", {}, r"(\d+\+\d+=\d+;)*####\d+"),
    "tiny-gcd": (gcd.TASK, gcd.OPTIONS, r"(\d+%\d+=\d+;)*####\d+"),
    "tiny-products": (products.TASK, products.OPTIONS, r"(\d+\*\d+=\d+;){1,2}(\d+\+\d+=\d+;)?####\d+"),
}
"""For each embedded model: its task with options, and a pattern of worked solutions."""


def answers(name: str, temperature: float) -> list[tuple[str, bool]]:
    """(text, correct) for 2 completions of 100 validation problems."""
    task, options, _ = TASKS[name]
    base = load_policy(ModelSettings(path=f"embedded:{name}", device="cpu", dtype="float32"), 1.0)
    problems = load_problems(task, Split.VALIDATION, **options)[:100]
    engine = TransformersEngine(base, sample_batch=512)
    groups = sample_groups(engine, base, problems, 2, Sampling(temperature=temperature, max_tokens=88), seed=0)
    return [(c.text, c.text.endswith(f"####{g.problem.answer}")) for g in groups for c in g.completions]


ROOMS = {
    "tiny-arithmetic": (0.25, 0.5, 0.9, 0.99),
    "tiny-gcd": (0.5, 0.7, 0.65, 0.99),
    "tiny-products": (0.25, 0.5, 0.85, 0.98),
}
"""Bounds of sampled accuracy, then the least accuracy and the least share of worked solutions of greedy completions."""


@pytest.mark.parametrize(("name", "rooms"), ROOMS.items(), ids=ROOMS)
def test_it_has_room_to_improve_and_the_skill_to_do_so(name: str, rooms: tuple[float, float, float, float]) -> None:
    low, high, able, worked = rooms
    sampled, greedy = answers(name, 1.0), answers(name, 0.0)
    assert low <= sum(right for _, right in sampled) / len(sampled) <= high
    assert sum(right for _, right in greedy) / len(greedy) > able
    bare = sum(text.startswith("####") for text, _ in sampled) / len(sampled)
    assert 0.25 < bare < 0.45  # the bad habit
    assert sum(re.fullmatch(TASKS[name][2], text) is not None for text, _ in greedy) > worked * len(greedy)


@pytest.mark.parametrize("name", BASES)
def test_it_is_small_and_safe(name: str) -> None:
    folder = ROOT / "harness" / "embedded" / "assets" / name
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4_000_000
    assert not [file for file in folder.iterdir() if file.suffix not in (".json", ".safetensors")]


def test_worked_divisors_are_euclids_and_a_slip_falsifies_one_remainder() -> None:
    prompt = "Find the Greatest Common Divisor (GCD) of these numbers: 54, 60. Give only the GCD as your final answer."
    assert gcd.worked(prompt, None) == "54%60=54;60%54=6;54%6=0;####6"
    for seed in range(50):
        steps = re.findall(r"(\d+)%(\d+)=(\d+);", gcd.worked(prompt, random.Random(seed)))
        wrong = [(int(a), int(b), int(rest)) for a, b, rest in steps if int(a) % int(b) != int(rest)]
        assert len(wrong) == 1


def test_worked_products_are_right_and_a_slip_falsifies_one_step() -> None:
    prompt = "Solve the following multiplication: {} * {}. Give only the result as your final answer."
    assert products.worked(prompt.format(15, 43), None) == "15*40=600;15*3=45;600+45=645;####645"
    assert products.worked(prompt.format(15, 40), None) == "15*40=600;####600"
    for seed in range(50):
        text = products.worked(prompt.format(15, 43), random.Random(seed))
        steps = [(int(a), sign, int(b), int(c)) for a, sign, b, c in re.findall(r"(\d+)([*+])(\d+)=(\d+);", text)]
        assert len(steps) == 3
        wrong = [step for step in steps if (step[0] * step[2] if step[1] == "*" else step[0] + step[2]) != step[3]]
        assert len(wrong) == 1
        assert text.endswith(f"####{steps[-1][3]}")


@pytest.mark.parametrize("name", BASES)
def test_making_it_is_deterministic(name: str, tmp_path: Path) -> None:
    told: list[str] = []
    for again in ("one", "two"):
        make_base(BASES[name], tmp_path / again, steps=3, report=told.append)
    make_base(BASES[name], tmp_path / "other", steps=3, seed=1, report=told.append)
    weights = [(tmp_path / again / "model.safetensors").read_bytes() for again in ("one", "two", "other")]
    assert weights[0] == weights[1] != weights[2]
