"""``harness tabular``: the objectives on problems that are small enough for exact expectations."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from algorithms.types import Objective
from harness.errors import HarnessError
from harness.studies.tabular.cases import make_cases
from harness.studies.tabular.convergence import CLOSE, GROUP_SIZE, STEPS, descend
from harness.studies.tabular.gradients import measure
from harness.studies.tabular.leak import RUNS, train
from harness.studies.tabular.leak_text import leak_markdown, leak_table
from harness.studies.tabular.lengths import BETA as LEAK_BETA
from harness.studies.tabular.level import level_rows
from harness.studies.tabular.plots import convergence_curves, leak_curves
from harness.studies.tabular.problems import BETA, Problems, random_problems
from harness.studies.tabular.summary import convergence_rows, gradient_rows, leak_rows
from harness.studies.tabular.tables import convergence_markdown, gradients_markdown, tables
from harness.terminal import Terminal

__all__ = ["study"]

Row = dict[str, Any]


def study(
    out: Path, console: Terminal, *, problems: int = 100, seed: int = 0, algos: Sequence[str] | None = None
) -> None:
    """Study where each objective converges, how good its gradient is, and whether it leaks. Writes ``<out>/tabular/``.

    Args:
        out: the results directory.
        console: where the tables are printed.
        problems: the number of random problems that each number is a mean over.
        seed: the seed of the problems.
        algos: objectives by name, or as ``my_module:MyObjective``. The default is all built-in ones.

    Raises:
        HarnessError: bad input, or agro converged to a point off the optimum, which refutes its claim.
    """
    if problems < 2:
        raise HarnessError(f"the tabular study needs at least 2 problems for its intervals, not {problems}")
    cases = make_cases(algos)
    command = f"harness tabular --problems {problems} --seed {seed}"
    command += f" --algos {','.join(algos)}" if algos is not None else ""
    setup = {"command": command, "problems": problems, "seed": seed, "beta": BETA}
    known = random_problems(problems, seed)
    with _one_thread():
        convergence, gradients = _studies(cases, known, setup, console)
        leak = _leaks(make_cases(algos, LEAK_BETA, {}), known, setup, console)
    folder = out / "tabular"
    folder.mkdir(parents=True, exist_ok=True)
    for name, found, text in (
        ("convergence", convergence, convergence_markdown(convergence)),
        ("gradients", gradients, gradients_markdown(gradients)),
        ("leak", leak, leak_markdown(leak)),
    ):
        (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        (folder / f"{name}.md").write_text(text)
    convergence_curves(convergence, folder / "convergence.png")
    leak_curves(leak, folder / "leak.png")
    console.print(tables(convergence, gradients), leak_table(leak))
    console.say(f"wrote {folder}")
    _check_the_claim(convergence["rows"], folder)


def _studies(cases: dict[str, Objective], problems: Problems, setup: Row, console: Terminal) -> tuple[Row, Row]:
    """The studies of convergence and of gradients, as JSON content."""
    endings: list[Row] = []
    estimates: list[Row] = []
    unfit: list[Row] = []
    for i, (label, objective) in enumerate(cases.items()):
        with console.waiting(f"{label}, {i + 1} of {len(cases)}"):
            try:
                ended = convergence_rows(label, objective, descend(objective, problems))
                estimated = gradient_rows(label, objective, measure(objective, problems))
            except Exception as error:  # a user's objective can fail in any way; the others go on
                unfit.append({"objective": label, "reason": f"{type(error).__name__}: {error}"})
                continue
        endings += ended
        estimates += estimated
    if not endings:
        failed = "; ".join(f"{one['objective']}: {one['reason']}" for one in unfit)
        raise HarnessError(f"none of the objectives can be studied ({failed}); fix them, or name others")
    agro_max = max((row["max"] for row in endings if row["objective"] == "agro"), default=None)
    convergence = {
        "setup": setup | {"group_size": GROUP_SIZE, "steps": STEPS},
        "agro_max": agro_max,
        "unfit": unfit,
        "rows": endings,
    }
    return convergence, {"setup": setup, "unfit": unfit, "rows": estimates}


def _leaks(cases: dict[str, Objective], problems: Problems, setup: Row, console: Terminal) -> Row:
    """The study with infinitely many wrong completions, as JSON content."""
    runs = min(RUNS, setup["problems"])
    rows: list[Row] = []
    unfit: list[Row] = []
    for i, (label, objective) in enumerate(cases.items()):
        with console.waiting(f"{label} with infinitely many wrong completions, {i + 1} of {len(cases)}"):
            try:
                rows += leak_rows(label, objective, train(objective, runs=runs, seed=setup["seed"]))
            except Exception as error:  # as above
                unfit.append({"objective": label, "reason": f"{type(error).__name__}: {error}"})
    with console.waiting("centred and uncentred residuals"):
        level = level_rows(problems)
    return {"setup": setup | {"beta": LEAK_BETA, "runs": runs}, "unfit": unfit, "rows": rows, "level": level}


def _check_the_claim(rows: Sequence[Row], folder: Path) -> None:
    """Check that agro converges only to the optimum. A run that has not settled refutes nothing."""
    missed = [row["max_settled"] for row in rows if row["objective"] == "agro" and row["max_settled"] is not None]
    if missed and max(missed) >= CLOSE:
        raise HarnessError(f"agro settled {max(missed):.1e} nats from an optimum, not within {CLOSE:g}; see {folder}")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: the tensors are small, and the order of sums stays fixed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
