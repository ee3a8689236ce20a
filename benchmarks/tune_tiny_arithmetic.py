"""Tune the objectives of ``tiny-arithmetic``: the same trials for each, judged on validation problems alone.

    python benchmarks/tune_tiny_arithmetic.py [OBJECTIVE ...]

Writes results/tiny-arithmetic/tuning.md; rows of objectives that are not named are kept. Six trials an objective
(three learning rates, two strengths of the KL term) on a seed that no leaderboard uses; the best mean of the last two
validation points wins. PPO's rates are half the others': it takes four steps on each rollout batch.
"""

import sys
from itertools import product
from pathlib import Path

from rich.console import Console

from harness.arms import run_config
from harness.executors import run_all
from harness.journal import Journal
from harness.progress import Display
from harness.store import Store
from harness.suites import load_suite

SUITE, SEED, WORKERS = "tiny-arithmetic", 1000, 2
RATES = (1.5e-4, 3e-4, 6e-4)
PPO_RATES = (7.5e-5, 1.5e-4, 3e-4)
FIELD = {"agro": "beta", "reinforce": "beta", "grpo": "beta_kl", "ppo": "beta", "dpo": "beta"}
STRENGTHS = {"dpo": (0.1, 0.5)}
USUAL_STRENGTHS = (0.01, 0.05)
JUDGED = [("evaluation.validation_problems", 512), ("evaluation.test_problems", 1), ("evaluation.shares", [0, 0.9, 1])]


def main() -> None:
    store, console = Store(Path("results/tuning")), Console()
    chosen = sys.argv[1:] or list(FIELD)
    trials = []
    for objective, rate, strength in grid(chosen):
        changes = [
            *JUDGED,
            (f"objectives.{objective}.optimizer.learning_rate", rate),
            (f"objectives.{objective}.fields.{FIELD[objective]}", strength),
        ]
        config = run_config(load_suite(SUITE, changes), objective, SEED)
        trials.append((objective, rate, strength, config, store.run(config)))
    runs = [(config, path) for *_, config, path in trials]
    with Display(console, runs) as display:
        run_all(runs, {"id": "tuning", "name": "tuning"}, workers=WORKERS, fresh=False, watch=display.refresh)
    scores = [
        (objective, rate, strength, score(path), config.run_id) for objective, rate, strength, config, path in trials
    ]
    best = {max((s for s in scores if s[0] == objective), key=lambda s: s[3]) for objective in chosen}
    target = Path("results") / SUITE / "tuning.md"
    kept = [line for line in target.read_text().splitlines() if line.split(" ")[1:2] and line.split(" ")[1] in FIELD]
    lines = [
        f"# Trials behind the settings of {SUITE}",
        "",
        f"`python benchmarks/tune_tiny_arithmetic.py`: seed {SEED}, validation accuracy in %, the mean of the last",
        "two points of a run at the suite's budget. The same trials for each objective; bold: the settings taken.",
        "",
        "| objective | learning rate | strength | accuracy |",
        "| --- | ---: | ---: | ---: |",
        *(line for line in kept if line.split(" ")[1] not in chosen),
    ]
    for trial in scores:
        objective, rate, strength, accuracy, _ = trial
        shown = f"**{100 * accuracy:.1f}**" if trial in best else f"{100 * accuracy:.1f}"
        lines.append(f"| {objective} | {rate:g} | {FIELD[objective]} = {strength:g} | {shown} |")
    target.write_text("\n".join(lines) + "\n")
    console.print(target.read_text())


def grid(objectives: list[str]) -> list[tuple[str, float, float]]:
    """Objective, learning rate and strength of each trial."""
    return [
        (name, rate, strength)
        for name in objectives
        for rate, strength in product(PPO_RATES if name == "ppo" else RATES, STRENGTHS.get(name, USUAL_STRENGTHS))
    ]


def score(path: Path) -> float:
    """Mean of the last two validation points; a failed trial scores 0."""
    records = Journal(path).read()
    if records[-1]["status"] == "failed":
        return 0.0
    points = [r["accuracy"] for r in records if r["event"] == "evaluation" and r["split"] == "validation"]
    return sum(points[-2:]) / 2


if __name__ == "__main__":
    main()
