"""The pages in a real browser: on a phone, sorted, with links to runs, and with hostile content from runs."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser
from rich.console import Console

from evaluators.statistics.accuracy import SampleRecord, read_records, write_records
from harness.records.results import RunResult
from harness.report.numbers.board import build
from harness.report.numbers.compare import compare, pair
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.compare_text import terminal
from harness.report.pages.exports import as_csv, dataset_card
from harness.report.pages.figures import COLOURS
from harness.report.pages.page import compare_page
from harness.report.pages.text import markdown, tables
from harness.report.pages.writing import write_leaderboard
from harness.report.sources import last_table
from tests.support.boards import many
from tests.support.browser import PHONE, chromium, opened
from tests.support.results import records_of, result, suite, with_verdicts

HOSTILE = [
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "</style><svg onload=window.hacked=1>",
    "{{ 7 * 7 }} {% raw %}",
    r"$\frac{1}{0}$ \input{/etc/passwd} _x",
    "a|b\n| --- |\n# title",
    "\x1b[31mred\x07\u202eright to left",
    "[bold]markup[/bold] [/nothing]",
    "=HYPERLINK(1)",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_the_leaderboard_on_a_phone(browser: Browser, small_runs: dict[str, Path], tmp_path: Path) -> None:
    results = many(small_runs)
    board = build(suite(), results)
    write_leaderboard(board, results, tmp_path, {r.run_id: f"runs/{r.run_id}/" for r in results})
    page, said = opened(browser, tmp_path / "leaderboard.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator(".explorer svg[role=img]").count() == 2

    table = page.locator("section").first.locator("table.sortable").first
    shown = [text.split()[0] for text in table.locator("tbody th").all_inner_texts()]
    assert shown == [row.objective for row in board.boards[0].rows]
    accuracy = table.locator("th", has_text="accuracy").locator("button")
    for order in (-1, 1):
        accuracy.click()
        column = [float(text.split()[0]) for text in table.locator("tbody td:nth-child(4)").all_inner_texts()]
        assert column == sorted(column, key=lambda value: order * value)

    for row in board.boards[0].rows:
        link = table.locator("a", has_text=row.objective)
        link.click()
        runs = page.locator("details", has=page.locator(f'[id="{link.get_attribute("href").removeprefix("#")}"]'))  # type: ignore[union-attr]
        assert runs.evaluate("place => place.open")
        listed = runs.locator("tbody th a")
        assert listed.all_inner_texts() == list(row.run_ids)
        assert listed.first.get_attribute("href") == f"runs/{row.run_ids[0]}/"
    failed = page.locator("tr", has_text="failed: the loss is not finite <b>").first
    assert failed.count() == 1
    assert "harness run --algos agro,grpo" in page.locator("li#command-0").inner_text()
    assert "torch" in page.locator("li#environment-0").inner_text()
    assert said == []


def test_hostile_names_are_shown_and_do_nothing(browser: Browser, small_runs: dict[str, Path], tmp_path: Path) -> None:
    agro = records_of(small_runs, "agro")
    hostile = json.loads(json.dumps(agro))
    hostile[0]["origin"]["invocation"]["command"] = HOSTILE[0] * 3
    hostile[0]["origin"]["versions"]["commit"] = HOSTILE[1]
    hostile[-1] |= {"status": "failed", "reason": "".join(HOSTILE)}
    results = [result(agro, objective__name=name) for name in HOSTILE] + [result(hostile, objective__name="x")]
    board = replace(build(suite(HOSTILE[0]), results), suite=HOSTILE[1])
    write_leaderboard(board, results, tmp_path, {})
    page, said = opened(browser, tmp_path / "leaderboard.html")
    assert page.evaluate("window.hacked") is None
    assert said == []
    cells = page.locator("section table").first.locator("tbody th").all_inner_texts()
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[3]):
        assert name in cells
    _, front, card = dataset_card(board).split("---\n", 2)
    assert yaml.safe_load(front)["pretty_name"] == f"{HOSTILE[1]} leaderboard"
    lines = (markdown(board) + card).split("\n")
    read = [line for line in lines if not line.startswith("    ")]  # the rest is shown as code
    assert not any(mark in line for line in read for mark in ("<script", "<img", "<svg", "\x1b", "\u202e"))
    assert not any(line.startswith("# title") for line in read)
    with Console(record=True, quiet=True, width=200) as console:
        console.print(tables(board))
    assert not any(line.lstrip('"').startswith("=") for cell in as_csv(board).splitlines() for line in cell.split(","))


def comparison(small_runs: dict[str, Path], text: str) -> SideBySide:
    """agro against grpo. Only on the first problem, agro is correct. ``text`` is the text of each completion."""
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    tests = [r for r in agro if r["event"] == "evaluation" and r["split"] == "test"]
    problems = sorted(tests[-1]["verdicts"])
    results = [
        result(with_verdicts(records, {p: "cw" if ours and p == problems[0] else "ww" for p in problems}))
        for records, ours in ((agro, True), (grpo, False))
    ]

    def completions(run: RunResult) -> list[SampleRecord]:
        verdicts = run.test.summary.verdicts if run.test else {}
        kinds = {"c": "correct", "w": "wrong"}
        return [
            SampleRecord(
                problem=problem,
                question=text,
                answer=text,
                sample=sample,
                strict=kinds[letter],  # type: ignore[arg-type]
                lenient=kinds[letter],  # type: ignore[arg-type]
                extracted=None,
                text=f"{run.config.objective.name} {letter} {text}",
                tokens=3,
                truncated=False,
            )
            for problem in problems
            for sample, letter in enumerate(verdicts[problem])
        ]

    return compare(suite(), pair("agro", "grpo", results, None), completions)


def test_a_comparison_shows_what_was_gained(small_runs: dict[str, Path]) -> None:
    found = comparison(small_runs, "seven")
    assert (found.gained.count, found.lost.count, found.problems, found.single) == (1, 0, 8, True)
    (example,) = found.gained.examples
    assert example.shares == (0.5, 0.0)
    assert [attempt.text for attempt in example.attempts] == ["agro c seven", "grpo w seven"]
    assert found.difference.mean == pytest.approx(1 / 16)


def test_problems_are_searched_and_marked_only_beyond_their_noise(
    browser: Browser, small_runs: dict[str, Path], tmp_path: Path
) -> None:
    """Eight samples against eight. One problem changes from never to always solved, and one may differ by chance."""
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    problems = [f"p{place}" for place in range(6)]
    ours = {"p0": "cccccccc", "p1": "ccccwwww", "p2": "wwwwwwww", "p3": "wwwwwwwc", "p4": "wwwwwwww", "p5": "wwwwwwww"}
    theirs = {
        "p0": "wwwwwwww",
        "p1": "cccwwwww",
        "p2": "cccccccc",
        "p3": "wwwwwwcc",
        "p4": "wwwwwwww",
        "p5": "wwwwwwww",
    }
    results = [
        result(with_verdicts(records, found), evaluation__test_samples=8)
        for records, found in ((agro, ours), (grpo, theirs))
    ]

    def completions(run: RunResult) -> list[SampleRecord]:
        found = run.test.summary.verdicts if run.test else {}
        return [
            SampleRecord(
                problem=problem, question=f"question of {problem}", answer="7", sample=sample,
                strict={"c": "correct", "w": "wrong"}[letter], lenient="wrong", extracted=None,  # type: ignore[arg-type]
                text=f"text {letter}", tokens=1, truncated=False,
            )
            for problem in problems
            for sample, letter in enumerate(found[problem])
        ]  # fmt: skip

    found = compare(suite(), pair("agro", "grpo", results, None), completions)
    assert [(part.count, part.clear) for part in found.changed] == [(2, 1), (2, 1)]
    assert [example.problem for example in found.gained.examples if example.clear] == ["p0"]
    (tmp_path / "compare.html").write_text(compare_page(found, {}), encoding="utf-8")
    page, said = opened(browser, tmp_path / "compare.html")
    gained = page.locator("#list-gained .item")
    assert gained.locator("visible=true").count() >= 2
    field = page.locator("input[type=search]").first
    field.fill("QUESTION p1")
    assert [item.is_visible() for item in gained.all()] == [False, True]
    assert page.locator(".found").first.inner_text() == "1 of 2"
    field.fill("")
    page.get_by_label("only those beyond the noise").first.check()
    assert [item.is_visible() for item in gained.all()] == [True, False]
    assert "Fisher's exact test" in page.locator("main").inner_text()
    assert page.locator("#curves svg[role=img]").is_visible()
    with page.expect_download() as saved:
        page.locator("button.save", has_text="problems.csv").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert lines[0] == "problem,correct_first,correct_second,samples_first,samples_second,p" and len(lines) == 7
    assert said == []


@pytest.mark.parametrize("text", [*HOSTILE, "long " * 1_000_000, "\0\x08\x1b]0;title\x07"])
def test_hostile_completions_are_shown_and_do_nothing(
    browser: Browser, small_runs: dict[str, Path], tmp_path: Path, text: str
) -> None:
    found = comparison(small_runs, text)
    page_text = compare_page(found, {})
    assert len(page_text) < 130_000
    (tmp_path / "compare.html").write_text(page_text, encoding="utf-8")
    page, said = opened(browser, tmp_path / "compare.html")
    assert page.evaluate("window.hacked") is None
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator(".item summary").first.click()
    if text in HOSTILE[:4]:
        assert page.locator(".item pre").first.inner_text() == text
    with Console(record=True, width=80) as console:
        console.print(terminal(found))
        printed = console.export_text()
    assert not any(ord(c) < 32 and c != "\n" for c in printed)
    assert len(printed) < 20_000


def test_tables_of_completions_are_read_as_they_were_written(small_runs: dict[str, Path], tmp_path: Path) -> None:
    (run,) = [result(records_of(small_runs, "agro"))]
    records = read_records(small_runs["agro"] / last_table(run))
    assert len(records) == 8 * 2
    assert records[0].question == f"{records[0].problem}="
    write_records(records, tmp_path / "again.parquet")
    assert read_records(tmp_path / "again.parquet") == records


def test_pictures_and_pages_have_the_same_colours() -> None:
    style = (files("harness.report.pages") / "assets" / "chart.css").read_text(encoding="utf-8")
    *coloured, black = COLOURS
    assert black == "#000000"  # on the page this is the colour of the ink, which the dark theme makes light
    assert re.findall(r"colour-(\d) { --own: (#\w+); }", style)[: len(coloured)] == [
        (str(place), colour) for place, colour in enumerate(coloured)
    ]
