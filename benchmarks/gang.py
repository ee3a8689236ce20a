"""Measures one run over several processes: the bytes that they exchange in a step, and the time that a step takes.

    python benchmarks/gang.py [--ranks 2] [--algo agro] [--steps 40] [--rounds 3] [--out FILE.md]

The first table compares the bytes that a rank sends in a step with the least that it must send: one sum of the
gradients, and one gather of its tokens, their log-probabilities and scores, and one byte per verdict. Then the seconds
per step of a gang of N are compared with those of N independent runs side by side. Each of these runs has an N-th of
the prompts, so it does the work of one rank and waits for no other.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import harness.training.loop as loop
from benchmarks.page import Page, spread, takes_out
from harness.config.run_config import RunConfig
from harness.launch.executors.executor import RunRequest, Terms
from harness.launch.gang import MeetingPoint, run_rank
from harness.launch.plan import plan
from harness.records.events import Step
from harness.records.journal import Journal
from harness.rollout.groups import Group
from harness.training.passes import Passes
from harness.training.state import RunState
from harness.world import Ranks

SUITE = "tiny-arithmetic"
WARM = 3
"""The number of first steps that do not count."""
SHORTEST = 6
"""The smallest number of steps that leaves a median of the steps that count."""
Sent = dict[str, int]


def least(groups: Sequence[Group], passes: Passes, weights: int, updates: int) -> Sent:
    """The bytes that a step must send: ``objects`` by all ranks together, ``gradients`` by each rank."""
    tokens = sum(len(c.ids) for group in groups for c in group.completions)
    scores = len(passes.reference) + len(passes.behaviour) + len(passes.start) + updates * len(passes.current)
    verdicts = sum(len(group.completions) for group in groups)
    number = 4
    token = 2 if max(token for group in groups for c in group.completions for token in c.ids) > 255 else 1
    return {
        "objects": tokens * (token + number * (1 + scores)) + verdicts,
        "gradients": number * weights * updates,
    }


def noted(carry: Callable[[], object]) -> list[tuple[Sent, Sent]]:
    """Runs one rank with ``carry``. For each step, the bytes that it sent, and the least it had to send."""
    found: list[tuple[Sent, Sent]] = []
    step = loop._step

    def counted(run: RunState, sampler: Any) -> bool:
        assert isinstance(run.world, Ranks)
        before, seen = dict(run.world.sent), {}
        following = run.regime.next

        def kept(sampler: Any) -> Any:
            seen["batch"] = batch = following(sampler)
            return batch

        with patch.object(run.regime, "next", kept):
            if not step(run, sampler):
                return False
        weights = sum(p.numel() for m in run.modules.values() for p in m.parameters() if p.requires_grad)
        minimum = least(seen["batch"].groups, run.passes, weights, run.config.optimizer.updates_per_rollout)
        sent = {name: run.world.sent[name] - before.get(name, 0) for name in ("objects", "gradients")}
        found.append((sent, minimum))
        return True

    with patch.object(loop, "_step", counted):
        carry()
    return found


def configured(algo: str, seed: int, devices: int, prompts: int, steps: int) -> tuple[RunConfig, Terms]:
    """A run with almost no evaluation."""
    changes: list[tuple[str, Any]] = [(f"evaluation.{split}_problems", 2) for split in ("validation", "test")]
    changes += [("evaluation.shares", [0, 1]), ("rollout.prompts", prompts), ("compute.devices", devices)]
    changes += [("task.options", {"count": 2048}), ("rollout.group_size", 8)]
    changes += [("budget", {"unit": "completions", "total": steps * prompts * 8})]
    planned = plan(SUITE, changes, [algo], [seed])
    return planned.runs[0], Terms(invocation=planned.invocation)


def _rank(rank: int, environment: dict[str, str], request: RunRequest, terms: Terms, answers: Any) -> None:
    if environment:
        os.environ |= environment
        answers.put((rank, noted(lambda: run_rank(request, terms, lambda: False))))
    else:
        answers.put((rank, loop.train(request.config, request.directory, terms.invocation)))


def _side_by_side(jobs: Sequence[tuple[int, int, RunRequest, Terms]]) -> dict[int, Any]:
    """Runs all jobs at once, each in a process. A job begins with its rank and the number of ranks.

    Returns:
        The result of each process by its rank.
    """
    context = get_context("spawn")
    answers = context.Queue()
    point = MeetingPoint(jobs[0][1])
    processes = [
        context.Process(target=_rank, args=(rank, point.environments[rank] if size > 1 else {}, *rest, answers))
        for rank, size, *rest in jobs
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    return dict(found)


def seconds(directory: Path) -> float:
    """The median seconds per step, from the journal."""
    ledgers = [event.ledger.seconds for event in Journal(directory).read() if isinstance(event, Step)]
    return statistics.median(b - a for a, b in zip(ledgers[WARM:], ledgers[WARM + 1 :], strict=False))


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the command line.

    Raises:
        SystemExit: ``--steps`` is too small.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--algo", default="agro")
    parser.add_argument("--steps", type=int, default=40, help=f"at least {SHORTEST}")
    parser.add_argument("--rounds", type=int, default=3)
    takes_out(parser)
    given = parser.parse_args(arguments)
    if given.steps < SHORTEST:
        parser.error(f"--steps must be at least {SHORTEST}, because the first {WARM} steps do not count")
    return given


def main() -> None:
    given = options()
    size, each = given.ranks, 8
    page = Page(
        f"One run over {size} processes",
        f"`{given.algo}` on `{SUITE}`, with {each * size} prompts of 8 completions a step.",
    )
    together, apart, sent = [], [], []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            config, terms = configured(given.algo, 0, size, each * size, given.steps)
            request = RunRequest(config=config, directory=Path(folder) / "gang", devices=size)
            sent = _side_by_side([(rank, size, request, terms) for rank in range(size)])[0]
            together.append(seconds(request.directory))
            jobs = []
            for seed in range(size):
                config, terms = configured(given.algo, seed, 1, each, given.steps)
                alone = RunRequest(config=config, directory=Path(folder) / f"alone-{seed}")
                jobs.append((seed, 1, alone, terms))
            _side_by_side(jobs)
            apart.append(max(seconds(request.directory) for *_, request, _ in jobs))
    rows = []
    for kind in ("objects", "gradients"):
        used = statistics.mean(one[kind] for one, _ in sent)
        minimum = statistics.mean(two[kind] for _, two in sent) / (size if kind == "objects" else 1)
        rows.append([kind, f"{used:,.0f}", f"{minimum:,.0f}", f"{used / minimum:.2f}"])
    page.table(("bytes a step", "sent by rank 0", "least", "ratio"), rows)
    page.say(
        "`objects` are completions with their log-probabilities, scores and verdicts. Each rank sends its share of "
        "them. `least` counts the tokens and numbers alone."
    )
    cost = [100 * (gang / free - 1) for gang, free in zip(together, apart, strict=True)]
    page.table(
        ("a step of", "seconds"),
        [
            [f"a gang of {size} processes", spread(together, 3)],
            [f"{size} independent runs side by side, each on 1/{size} of the prompts", spread(apart, 3)],
            ["what the gang costs more, %", spread(cost, 0)],
        ],
    )
    page.say(f"The medians and ranges are of {given.rounds} rounds, each with the median of its steps.")
    page.end(given.out)


if __name__ == "__main__":
    main()
