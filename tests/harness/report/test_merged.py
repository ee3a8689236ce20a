"""Runs from several places are merged, each once. What cannot be merged is named."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.records.journal import JOURNAL
from harness.records.out_dir import OutDir
from harness.report.archive import ARCHIVE, write_archive
from harness.report.merged import open_source
from harness.report.sources import JournalSource
from tests.support.command_line import harness, refused
from tests.support.small import SUITE, Line, journal_of


def folder(tmp_path: Path, store: OutDir, *names: str) -> Path:
    """A results directory of its own with these runs of the store."""
    out = OutDir(tmp_path / "-".join(names))
    for run in store.runs(SUITE):
        if run.name.partition("-")[0] in names:
            shutil.copytree(run, out.run(SUITE, run.name))
    return out.root


def archive(tmp_path: Path, store: OutDir, *names: str) -> Path:
    root = folder(tmp_path, store, *names)
    path = tmp_path / f"{'-'.join(names)}.tar.xz"
    write_archive(OutDir(root), SUITE, path)
    shutil.rmtree(root)
    return path


def published(tmp_path: Path, store: OutDir, *names: str) -> Path:
    """A folder as ``harness publish`` leaves it."""
    path = tmp_path / "results" / SUITE / ARCHIVE
    path.parent.mkdir(parents=True)
    shutil.move(archive(tmp_path, store, *names), path)
    return tmp_path / "results"


def mlflow(tmp_path: Path, store: OutDir, *names: str) -> str:
    root = folder(tmp_path, store, *names)
    shutil.copy(store.root / "mlflow.db", root)
    assert harness("sync", "--out", str(root))[0] == 0
    for run in OutDir(root).runs(SUITE):
        shutil.rmtree(run)
    return f"sqlite:///{root}/mlflow.db"


def board(out: Path, *sources: object) -> str:
    """The leaderboard of these sources, without links to them."""
    options = [part for source in sources for part in ("--from", str(source))]
    code, output = harness("leaderboard", "--suite", SUITE, *options, "--out", str(out))
    assert code == 0, output
    return (out / SUITE / "leaderboard.json").read_text()


Place = Callable[..., object]


@pytest.mark.parametrize("other", [folder, archive, published, mlflow])
def test_two_places_are_as_one(other: Place, store: OutDir, tmp_path: Path) -> None:
    whole = board(store.root)
    agro, grpo = archive(tmp_path / "one", store, "agro"), other(tmp_path / "other", store, "grpo")
    assert board(tmp_path / "ab", agro, grpo) == whole
    assert board(tmp_path / "ba", grpo, agro) == whole, "their order matters"
    assert board(tmp_path / "aba", agro, grpo, agro) == whole, "a run counts twice"


def test_what_is_in_both_counts_once_wherever_it_is_kept(store: OutDir, tmp_path: Path) -> None:
    whole = board(store.root)
    both = archive(tmp_path, store, "agro", "grpo")
    assert (
        board(tmp_path / "out", both, folder(tmp_path, store, "agro"), mlflow(tmp_path / "m", store, "grpo")) == whole
    )


def test_the_problems_are_compared_wherever_each_run_lies(store: OutDir, tmp_path: Path) -> None:
    places = [archive(tmp_path, store, "agro"), folder(tmp_path, store, "grpo")]
    code, output = harness(
        "compare", "agro", "grpo", "--from", str(places[0]), "--from", str(places[1]), "--out", str(tmp_path / "out")
    )
    assert code == 0, output
    code, alone = harness("compare", "agro", "grpo", "--out", str(store.root))
    told = re.compile(r"^.*\bwrote .*$", re.MULTILINE)
    assert code == 0 and told.sub("", output) == told.sub("", alone)


def changed(root: Path, change: Callable[[list[Line]], list[Line]]) -> Path:
    """A folder whose only run has another journal."""
    (run,) = OutDir(root).runs(SUITE)
    lines = change(journal_of(run))
    (run / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def evaluations(lines: list[Line], split: str) -> list[Line]:
    return [line for line in lines if line["event"] == "evaluation" and line["split"] == split]


def other_test(lines: list[Line]) -> list[Line]:
    _flip(evaluations(lines, "test")[-1])
    return lines


def other_curve(lines: list[Line]) -> list[Line]:
    _flip(evaluations(lines, "validation")[1])
    return lines


def other_start(lines: list[Line]) -> list[Line]:
    _flip(evaluations(lines, "test")[0])
    return lines


def other_weights(lines: list[Line]) -> list[Line]:
    lines[0]["identity"]["weights"] = "0" * len(lines[0]["identity"]["weights"])
    return lines


def other_end(lines: list[Line]) -> list[Line]:
    lines[-1] |= {"status": "failed", "reason": "diverged"}
    return lines


def _flip(evaluation: Line) -> None:
    """Changes the verdict on one completion."""
    problem, letters = next(iter(evaluation["verdicts"].items()))
    evaluation["verdicts"][problem] = ("w" if letters[0] == "c" else "c") + letters[1:]
    joined = "".join(evaluation["verdicts"].values())
    for name, letter in (("accuracy", "c"), ("unparsed", "u")):
        evaluation[name] = joined.count(letter) / len(joined)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (other_test, "the test after training"),
        (other_curve, "the validation curve"),
        (other_start, "the test before training"),
        (other_weights, "model, problems or prompts"),
        (other_end, "how it ended"),
    ],
)
def test_one_id_with_two_contents_is_named(
    change: Callable[[list[Line]], list[Line]], what: str, store: OutDir, tmp_path: Path
) -> None:
    one = archive(tmp_path, store, "agro")
    two = changed(folder(tmp_path, store, "agro"), change)
    for places in ((one, two), (two, one)):
        options = [part for place in places for part in ("--from", str(place))]
        refused(
            ["leaderboard", "--suite", SUITE, *options, "--out", str(tmp_path / "out")],
            f"in {places[0]} and in {places[1]} are not the same run: {what} differs",
            "agro-s0-",
        )


def later(lines: list[Line]) -> list[Line]:
    """The same run on another day and another machine."""
    for line in lines:
        line["clock"] = {key: value + 1000 for key, value in line["clock"].items() if value is not None}
    return lines


def test_the_same_run_made_twice_is_one(store: OutDir, tmp_path: Path) -> None:
    one, two = archive(tmp_path, store, "agro"), changed(folder(tmp_path, store, "agro"), later)
    assert len(open_source(SUITE, [str(one), str(two)], tmp_path).results()) == 1


def test_what_has_gone_further_is_taken(store: OutDir, tmp_path: Path) -> None:
    """An archive may have been made while a run was still running."""
    whole = archive(tmp_path, store, "agro")
    cut = changed(folder(tmp_path, store, "agro"), lambda lines: lines[:5])
    for places in ([str(whole), str(cut)], [str(cut), str(whole)]):
        source = open_source(SUITE, places, tmp_path)
        (run,) = source.results()
        assert run.status == "finished" and source.completions(run)


def test_a_folder_without_runs_of_the_suite_is_refused(store: OutDir, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    command = ["leaderboard", "--suite", SUITE, "--out", str(tmp_path / "out"), "--from"]
    refused([*command, str(tmp_path / "empty")], "has no runs of the suite tiny-arithmetic")
    refused([*command, str(tmp_path / "nowhere")], "there is no folder", "nowhere")


def test_one_source_is_opened_as_before(store: OutDir, tmp_path: Path) -> None:
    assert isinstance(open_source(SUITE, [], store.root), JournalSource)
    assert not open_source(SUITE, [str(store.root)], tmp_path).links(JournalSource(store, SUITE).results())


def test_replicate_takes_one_archive(store: OutDir, tmp_path: Path) -> None:
    refused(["replicate", "--suite", SUITE, "--from", "a.tar.xz", "--from", "b.tar.xz"], "several times", "name one")
