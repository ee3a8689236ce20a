"""pass@k before and after training: the numbers, the command as it is typed, and the same again from its file."""

import json
import re
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from evaluators.statistics.accuracy import read_records
from harness.cli import app
from harness.errors import HarnessError
from harness.records.out_dir import OutDir
from harness.studies.passes.counts import START, Counts, Sampled, read, write
from harness.studies.passes.curves import passes_of
from harness.studies.passes.plots import passes_picture
from harness.studies.passes.tables import as_markdown, by_k
from tests.support.small import SUITE

SAMPLES = 8
PROBLEMS = tuple(f"p{i}" for i in range(40))


def counts(objective: str, correct: list[int], regime: str = "on_policy", seed: int = 0) -> Counts:
    return Counts(
        objective=objective,
        regime="" if objective == START else regime,
        seed=seed,
        problems=PROBLEMS,
        correct=np.array(correct),
        samples=SAMPLES,
    )


SURE = [counts("sure", [8] * 20 + [0] * 20, seed=seed) for seed in range(3)]
WIDE = [counts("wide", [4] * 40, "offline", seed) for seed in range(3)]
BEFORE = counts(START, [2] * 20 + [0] * 20)
SAMPLED = Sampled(suite="s", command="harness pass-at-k", limit=None, models=[BEFORE, *WIDE, *SURE])


def test_the_numbers_are_those_of_the_counts() -> None:
    found = passes_of(SAMPLED)
    assert found.ks == [1, 2, 4, 8]
    assert found.regimes == ["on_policy", "offline"]
    before = [point.accuracy.mean for point in found.start.points]
    assert before == pytest.approx([0.5 * (1 - comb(6, k) / comb(8, k)) for k in found.ks])
    sure, wide = found.curves
    assert (sure.objective, wide.objective) == ("sure", "wide")
    assert [point.accuracy.mean for point in sure.points] == pytest.approx([0.5] * 4)
    gains = [[point.gain.mean for point in curve.points if point.gain] for curve in (sure, wide)]
    assert gains[0] == pytest.approx([0.5 - mean for mean in before])
    assert gains[0][-1] == pytest.approx(0)  # it solves the same problems, only more often
    assert gains[1][-1] == pytest.approx(0.5)  # it solves others
    assert sure.seeds == (0, 1, 2)


def test_intervals_allow_for_problems() -> None:
    """All seeds agree here, but other problems could be solved more or less often."""
    gain = passes_of(SAMPLED).curves[0].points[0].gain
    assert gain
    assert gain.low is not None
    assert 0 < gain.low < gain.mean


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([*SURE], "one model before training, not 0"),
        ([BEFORE, BEFORE], "one model before training, not 2"),
        ([BEFORE, replace(SURE[0], samples=4)], "different problems or numbers"),
        ([BEFORE, replace(SURE[0], problems=PROBLEMS[::-1])], "different problems"),
    ],
)
def test_models_that_cannot_be_compared_are_refused(models: list[Counts], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        passes_of(replace(SAMPLED, models=models))


@pytest.mark.parametrize("limit", [None, 40])
def test_a_file_keeps_everything(limit: int | None, tmp_path: Path) -> None:
    sampled = replace(SAMPLED, limit=limit, models=[*SAMPLED.models, replace(SURE[0], seed=2**32)])
    write(sampled, tmp_path / "counts.parquet")
    assert passes_of(read(tmp_path / "counts.parquet")) == passes_of(sampled)
    assert ("only a quick look at 40 problems" in as_markdown(passes_of(sampled))) == bool(limit)


def test_the_last_k_is_the_number_of_samples() -> None:
    models = [replace(one, samples=10) for one in SAMPLED.models]
    assert passes_of(replace(SAMPLED, models=models)).ks == [1, 2, 4, 8, 10]


def test_an_arm_may_be_called_start() -> None:
    found = passes_of(replace(SAMPLED, models=[BEFORE, replace(SURE[0], objective=START)]))
    assert [curve.objective for curve in found.curves] == [START]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no table")
    for path in (tmp_path / "x.parquet", tmp_path / "missing.parquet"):
        done = CliRunner().invoke(app, ["pass-at-k", "--from", str(path), "--out", str(tmp_path)])
        assert done.exit_code == 2
        assert "is not a file that harness pass-at-k wrote" in done.stderr


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("correct", SAMPLES + 1),
        ("correct", -1),
        ("samples", 0),
        ("regime", "nowhen"),
        ("suite", "../elsewhere"),
        ("suite", ".."),
        ("suite", ""),
    ],
)
def test_a_file_with_impossible_values_is_refused(column: str, value: str | int, tmp_path: Path) -> None:
    path = tmp_path / "counts.parquet"
    write(replace(SAMPLED, suite=str(value)) if column == "suite" else SAMPLED, path)
    if column != "suite":
        table = pq.read_table(path)
        place = table.column_names.index(column)
        filled = pa.array([value] * len(table), table.schema.field(place).type)
        pq.write_table(table.set_column(place, table.schema.field(place), filled), path)
    done = CliRunner().invoke(app, ["pass-at-k", "--from", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "is not a file that harness pass-at-k wrote" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_with_the_start_alone_is_refused(tmp_path: Path) -> None:
    write(replace(SAMPLED, models=[BEFORE]), tmp_path / "counts.parquet")
    with pytest.raises(HarnessError, match="only the model before training"):
        passes_of(read(tmp_path / "counts.parquet"))


def test_the_command_samples_each_model_once_and_draws_it_again(store: OutDir, tmp_path: Path) -> None:
    typed = ["pass-at-k", "--suite", SUITE, "--k", "4", "--out", str(store.root)]
    done = CliRunner().invoke(app, [*typed, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    folder = store.suite(SUITE)
    shown = json.loads(done.stdout)
    assert shown == json.loads((folder / "pass-at-k.json").read_text())
    assert {curve["objective"] for curve in shown["curves"]} == {"agro", "grpo"}
    assert (shown["problems"], shown["samples"]) == (8, 4)

    tables = [*(store.root / "evals").glob("*/*/samples.parquet")]
    assert len(tables) == 3  # two runs, and the model from which both began
    own = {table.parent.name.split("-")[0]: read_records(table) for table in tables}
    right = sum(record.strict == "correct" for record in own["agro"]) / 32
    (agro,) = (curve for curve in shown["curves"] if curve["objective"] == "agro")
    assert agro["points"][0]["accuracy"]["mean"] == pytest.approx(right)

    written = {table: table.stat().st_mtime_ns for table in tables}
    assert CliRunner().invoke(app, typed).exit_code == 0
    assert {table: table.stat().st_mtime_ns for table in tables} == written  # nothing is sampled twice
    again = CliRunner().invoke(app, ["pass-at-k", "--from", str(folder / "pass-at-k.parquet"), "--out", str(tmp_path)])
    assert again.exit_code == 0, again.output
    for name in ("pass-at-k.md", "pass-at-k.json", "pass-at-k.png", "pass-at-k.parquet"):
        assert (tmp_path / SUITE / name).read_bytes() == (folder / name).read_bytes()


def test_several_models_are_sampled_at_a_time_with_the_same_result(store: OutDir) -> None:
    typed = ["pass-at-k", "--suite", SUITE, "--k", "2", "--out", str(store.root)]
    counts = store.suite(SUITE) / "pass-at-k.parquet"
    found = []
    for workers in ("1", "2"):
        done = CliRunner().invoke(app, [*typed, "--workers", workers, "--fresh"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert re.search(r"3/3 grpo on_policy seed \d: pass@1 ", done.output)
        found.append(counts.read_bytes())
    assert found[0] == found[1]


def test_a_model_that_cannot_be_sampled_ends_the_command_with_one_sentence(store: OutDir) -> None:
    """Also in a process of its own."""
    for run in store.runs(SUITE):
        (run / "final" / "config.json").unlink()
    done = CliRunner().invoke(
        app, ["pass-at-k", "--suite", SUITE, "--k", "2", "--out", str(store.root), "--workers", "2"]
    )
    assert done.exit_code == 2
    assert re.search(r"^harness: \w+ on_policy seed \d cannot be sampled as in its run: ", done.stderr, re.MULTILINE)


def test_a_run_whose_model_is_elsewhere_is_named(store: OutDir) -> None:
    run = next(store.runs(SUITE))
    (run / "final").rename(run / "elsewhere")
    done = CliRunner().invoke(app, ["pass-at-k", "--suite", SUITE, "--k", "2", "--out", str(store.root)])
    assert done.exit_code == 2
    assert run.name in done.stderr
    assert "--out" in done.stderr


def test_the_figure_shows_all_points_and_intervals() -> None:
    """Also in a panel whose values are higher than those of the panels before it."""
    for axes in passes_picture(passes_of(SAMPLED)).axes:
        low, high = axes.get_ylim()
        drawn = [line.get_ydata() for line in axes.lines]
        drawn += [segment[:, 1] for bars in axes.collections for segment in bars.get_segments()]  # type: ignore[attr-defined]
        assert drawn
        assert low <= np.concatenate(drawn).min() and np.concatenate(drawn).max() <= high


def test_the_table_has_the_start_first() -> None:
    table = by_k(passes_of(SAMPLED), "offline")
    assert [row[0] for row in table.rows] == ["start", "wide"]
    assert table.rows[1][-1].startswith("+50.0")
