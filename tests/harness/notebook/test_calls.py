"""The harness in Python gives the same runs and numbers as the commands, as data frames."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import harness
from harness.errors import HarnessError
from harness.notebook.shown import Leaderboard
from tests.support.paths import ROOT
from tests.support.small import SMALL, SUITE, assert_same_run

ARCHIVE = str(ROOT / "results" / SUITE / "runs.tar.xz")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, harness; assert callable(harness.__getattr__); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        harness.runs  # noqa: B018


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Leaderboard]:
    out = tmp_path_factory.mktemp("notebook")
    board = harness.run(["agro", "grpo"], seeds=[0], settings=SMALL, out=out, quiet=True)
    return out, board


def test_a_run_is_the_commands_run(trained: tuple[Path, Leaderboard], small_runs: dict[str, Path]) -> None:
    out, board = trained
    for name in ("agro", "grpo"):
        (made,) = out.glob(f"{SUITE}/runs/{name}-s0-*")
        assert_same_run(made, small_runs[name])
    assert list(board.runs.objective) == ["agro", "grpo"]
    assert (board.runs.status == "finished").all()
    assert (board.runs.completions == 96).all()
    again = harness.leaderboard(out=out)
    pd.testing.assert_frame_equal(again.table, board.table)


def test_frames_of_a_run_agree_with_each_other(
    trained: tuple[Path, Leaderboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, board = trained
    run_id = board.runs.run_id[0]
    run = harness.load(run_id, out=out)
    assert run.folder == harness.load(run.folder).folder
    for start, name in ((run.folder, "."), (run.folder.parent, run_id)):
        monkeypatch.chdir(start)
        assert harness.load(name).samples == run.samples
    assert list(run.steps.step) == [1, 2, 3, 4, 5, 6]
    assert run.steps.completions.iloc[-1] == board.runs.completions[0]
    last = run.evaluations[run.evaluations.split == "test"].iloc[-1]
    assert last.accuracy == pytest.approx(board.runs.accuracy[0])
    assert (run.completions.strict == "correct").mean() == pytest.approx(last.accuracy)
    curve = board.curves[board.curves.run_id == run_id]
    validations = run.evaluations[run.evaluations.split == "validation"]
    assert list(curve.accuracy) == list(validations.accuracy)


def test_a_published_board_has_the_published_numbers() -> None:
    board = harness.leaderboard(SUITE, source=ARCHIVE)
    published = pd.read_csv(ROOT / "results" / SUITE / "leaderboard.csv")
    pd.testing.assert_frame_equal(board.table, published)
    assert str(board).count("on_policy") >= 1
    shown = board._repr_html_()
    assert "<table" in shown and "data:image/png" in shown


def test_a_comparison_is_that_of_the_board() -> None:
    board = harness.leaderboard(SUITE, source=ARCHIVE, algos=["agro", "grpo"], regimes=["offline"])
    found = harness.compare("agro", "grpo", SUITE, source=ARCHIVE, regime="offline")
    assert found.difference == pytest.approx(float(board.table.set_index("objective").difference_mean["agro"]))
    assert set(found.problems.change) == {"gained", "lost"}
    gained = found.problems[found.problems.change == "gained"]
    assert (gained.agro > gained.grpo).all()
    assert "<table" in found._repr_html_()


def test_an_evaluation_is_of_the_run(trained: tuple[Path, Leaderboard]) -> None:
    out, board = trained
    run_id = board.runs.run_id[0]
    settings = {"max_tokens": 40, "compute.engine": "transformers", "model.dtype": "float32"}
    measured = harness.evaluate(
        run_id, ["arithmetic"], k=2, problems=4, settings=settings, out=out, tracking_uri=None, quiet=True
    )
    (row,) = measured.table.to_dict("records")
    assert row["model"] == run_id and row["problems"] == 4
    assert "<table" in measured._repr_html_()


def test_published_runs_are_not_lost(tmp_path: Path) -> None:
    (tmp_path / SUITE).mkdir()
    shutil.copy(ARCHIVE, tmp_path / SUITE)
    with pytest.raises(HarnessError, match="published runs"):
        harness.run(["agro"], seeds=[0], settings=SMALL, out=tmp_path, quiet=True)
    assert [path.name for path in (tmp_path / SUITE).iterdir()] == ["runs.tar.xz"]


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no objective 'agroo', did you mean 'agro'"):
        harness.run(["agroo"], out=tmp_path)
    with pytest.raises(HarnessError, match="no run nothing"):
        harness.load("nothing", out=tmp_path)
    with pytest.raises(HarnessError, match="has no runs yet"):
        harness.leaderboard(out=tmp_path)
