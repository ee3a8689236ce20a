"""``harness run --until decided`` as it is typed: it trains, shows its result, and shows it again from every store."""

import json
from pathlib import Path

from tests.support.command_line import SETTINGS, harness, refused
from tests.support.small import SUITE

COMMAND = ["run", "--algos", "grpo,agro", "--until", "decided", *SETTINGS, "--set=looks=[3,4]", "--workers", "1"]


QUICK = ["--set=evaluation.shares=[1]", "--set=objectives.agro.optimizer.learning_rate=0.02"]


def test_the_whole_way_until_it_is_decided(tmp_path: Path) -> None:
    """One arm learns far too fast, so it falls behind. The records say how soon this is certain."""
    out = tmp_path / "out"
    command = [*COMMAND, *QUICK, "--out", str(out)]
    code, output = harness(*command)
    assert code == 0, output
    folder = out / SUITE
    (part,) = json.loads((folder / "leaderboard.json").read_text())["boards"]
    rows = {row["objective"]: row for row in part["rows"]}
    assert part["looks"]["plan"]["seeds"] == [3, 4]
    taken = rows["agro"]["looks"]["taken"]
    assert rows["agro"]["looks"]["at"] in (taken, None)
    for arm in ("grpo", "agro"):
        assert rows[arm]["seeds"] == list(range([3, 4][taken - 1]))
    assert "Seeds were added until a decision, with looks after 3 and 4 seeds" in output
    assert (rows["agro"]["looks"]["verdict"] or "Undecided") in output

    tables = {name: (folder / name).read_bytes() for name in ("leaderboard.json", "leaderboard.md", "leaderboard.csv")}
    code, output = harness("export", "--suite", SUITE, "--out", str(out))
    assert code == 0, output
    for place, store in enumerate((str(folder / "runs.tar.xz"), f"sqlite:///{out / 'mlflow.db'}")):
        again = tmp_path / str(place)
        code, output = harness("leaderboard", "--suite", SUITE, "--from", store, "--out", str(again))
        assert code == 0, output
        assert {name: (again / SUITE / name).read_bytes() for name in tables} == tables
    refused([*command, "--max-seeds", "5"], "planned with looks after 3,4 seeds", "harness replicate")


def test_what_does_not_go_together_is_one_sentence(tmp_path: Path) -> None:
    run = ["run", "--algos", "agro,grpo", "--out", str(tmp_path), *SETTINGS]
    refused([*run, "--until", "dawn"], "--until 'dawn'", "decided")
    refused([*run, "--max-seeds", "5"], "--max-seeds needs --until")
    refused([*run, "--until", "decided", "--seeds", "3"], "--max-seeds instead of --seeds")
    refused([*run, "--until", "decided", "--max-seeds", "2"], "--max-seeds 2", "give 3 or more")
    refused([*run, "--until", "decided", "--set=looks=[5,3]"], "looks must rise", "not 5,3")
    for algos in ("agro", "agro,dpo", "grpo"):
        refused(["run", "--algos", algos, "--until", "decided", *SETTINGS], "the baseline grpo", "--algos")
    plan = ["plan", "--suite", SUITE, "--gpu", "t4"]
    refused([*plan, "--max-seeds", "5"], "--max-seeds needs --until")
    refused([*plan, "--spread", "5"], "--spread needs --until")
    refused([*plan, "--until", "decided", "--max-seeds", "2"], "--max-seeds 2", "give 3 or more")
    _, said = harness(*plan, "--until", "decided", "--algos", "agro")
    assert said.startswith("harness: --until decided compares arms with the baseline grpo")  # and no table before it
    assert not list(tmp_path.rglob("journal.jsonl"))


def test_plan_says_what_it_costs() -> None:
    plan = [
        "plan",
        "--suite",
        SUITE,
        "--gpu",
        "h100",
        "--algos",
        "agro,grpo",
        "--until",
        "decided",
        "--max-seeds",
        "10",
    ]
    code, output = harness(*plan)
    assert code == 0, output
    said = " ".join(output.split())
    assert "at worst 10.0 10.0 20" in said
    assert "8 points away" in said
    assert "looks are after 3, 5, 8, 10 seeds" in said
    assert "standard deviation of 2.5 points" in said
    few, many = (harness(*plan, "--spread", spread)[1] for spread in ("0.5", "9"))
    assert averages(few) < averages(output) < averages(many)
    refused([*plan[:6], "agro", *plan[7:]], "the baseline grpo")


def averages(output: str) -> list[float]:
    """The average number of seeds of an arm, for each gap."""
    return [float(line.split()[3]) for line in output.splitlines() if "points away" in line]
