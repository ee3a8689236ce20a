"""The figures of a page in a real browser: switches, pointer, keys and printing do what the page says."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from harness.records.results import RunResult
from harness.report.numbers.board import build
from harness.report.numbers.document import Board
from harness.report.pages.cells import points
from harness.report.pages.page import leaderboard_page
from harness.report.pages.text import markdown
from tests.support.boards import with_frozen
from tests.support.browser import PHONE, SCREEN, chromium, opened
from tests.support.results import suite

Open = Callable[..., Page]
FIGURE = "#curves svg[role=img]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def runs(small_runs: dict[str, Path]) -> list[RunResult]:
    return with_frozen(small_runs)


@pytest.fixture(scope="module")
def board(runs: list[RunResult]) -> Board:
    return build(suite(), runs)


@pytest.fixture(scope="module")
def path(board: Board, runs: list[RunResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("page") / "leaderboard.html"
    found.write_text(leaderboard_page(board, runs, {}), encoding="utf-8")
    return found


@pytest.fixture
def show(browser: Browser, path: Path) -> Iterator[Open]:
    """Opens the page. At the end, checks that it reported no error and requested nothing."""
    shown: list[tuple[Page, list[str]]] = []

    def show(**options: object) -> Page:
        shown.append(opened(browser, path, **options))  # type: ignore[arg-type]
        return shown[-1][0]

    yield show
    for page, said in shown:
        page.close()
        assert said == []


def lines(page: Page) -> set[str]:
    """The names of the arms that the figure draws."""
    return set(page.locator(f"{FIGURE} .labels text").evaluate_all("all => all.map(one => one.textContent)"))


def test_the_same_runs_give_the_same_page(board: Board, runs: list[RunResult], path: Path) -> None:
    assert leaderboard_page(board, runs, {}) == path.read_text(encoding="utf-8")


def test_the_figure_is_on_the_first_screen(show: Open) -> None:
    page = show(viewport=SCREEN)
    box = page.locator(FIGURE).bounding_box()
    assert box and box["y"] + box["height"] <= SCREEN["height"] and box["width"] > 900


def test_an_arm_that_is_switched_off_is_not_drawn(show: Open) -> None:
    page = show(viewport=SCREEN)
    names = {"agro", "grpo", "tenth", "frozen"}
    assert lines(page) == names
    button = page.locator("#curves button.switch", has_text="grpo")
    drawn = page.locator(f"{FIGURE} .lines > path").count()
    button.click()
    assert lines(page) == names - {"grpo"}
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator(f"{FIGURE} .lines > path").count() == drawn - 1
    button.click()
    page.locator("#curves button", has_text="none").click()
    assert lines(page) == set()
    page.locator("#curves button", has_text="all").click()
    assert lines(page) == names


def test_every_unit_and_kl_may_lie_on_the_axis(show: Open) -> None:
    page = show(viewport=SCREEN)
    axis = page.locator("#curves select[name='x axis']")
    offered = axis.locator("option").all_inner_texts()
    assert {"completions", "sampled tokens", "optimizer steps", "flops", "seconds"} < set(offered)
    seen = set()
    for name in offered:
        axis.select_option(label=name)
        assert page.locator(f"{FIGURE} .x-label").text_content() == name
        seen.add(tuple(page.locator(f"{FIGURE} .x-tick").evaluate_all("all => all.map(one => one.textContent)")))
    assert len(seen) > 3


def test_single_seeds_and_intervals_come_and_go(show: Open) -> None:
    page = show(viewport=SCREEN)
    assert page.locator(f"{FIGURE} .runs path").count() == 0
    page.get_by_label("single seeds").first.check()
    assert page.locator(f"{FIGURE} .runs path").count() == 4 * 5
    bands = page.locator(f"{FIGURE} .bands path")
    assert bands.count() == 4
    page.get_by_label("95 % intervals").first.uncheck()
    assert bands.count() == 0


def test_frozen_is_a_line_all_across(show: Open) -> None:
    page = show(viewport=SCREEN)
    wide = page.locator(f"{FIGURE} .lines > path.control").bounding_box()
    base = page.locator(f"{FIGURE} .base").bounding_box()
    assert wide and base and wide["width"] == pytest.approx(base["width"], abs=3)


def test_the_pointer_tells_what_the_document_holds(show: Open, board: Board) -> None:
    """For the last point of each line that trains, and in the table of the figure."""
    page = show(viewport=SCREEN)
    page.locator("summary", has_text="The figure as a table").first.click()
    table = page.locator("table.values").first
    for row in board.boards[0].rows:
        others = [arm.objective for arm in board.boards[0].arms if arm.objective != row.objective]
        for name in others:
            page.locator("#curves button.switch", has_text=re.compile(f"^{name}$")).click()
        mark = page.locator(f"{FIGURE} .lines .mark").last.bounding_box()
        assert mark
        page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
        tip = page.locator("#curves .tip").inner_text()
        end = row.curve[-1]
        assert f"{row.objective} ({len(row.seeds)} seeds)" in tip
        assert f"{points(end.accuracy)} %" in tip
        assert f"completions: {end.spent['completions']:,.0f}" in tip
        cells = table.locator("tr", has=page.locator("th", has_text=re.compile(f"^{row.objective}$")))
        assert points(end.accuracy) in cells.locator("td:last-child").all_inner_texts()
        page.mouse.move(0, 0)
        assert page.locator("#curves .tip").is_hidden()
        for name in others:
            page.locator("#curves button.switch", has_text=re.compile(f"^{name}$")).click()


def test_the_keys_reach_everything(show: Open, board: Board) -> None:
    """By tabs from the top to the figure, and by arrows from point to point. Screen readers are told each point."""
    page = show(viewport=SCREEN)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.matches('#curves svg') ? 'figure' : document.activeElement.tagName")
        )
        if reached[-1] == "figure":
            break
    assert reached[-1] == "figure" and {"A", "SELECT", "INPUT", "BUTTON"} <= set(reached)
    status, changed = (
        "#curves [role=status]",
        "([place, before]) => document.querySelector(place).textContent != before",
    )
    told = [page.locator(status).text_content()]
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowDown", "Home"):
        page.keyboard.press(key)
        page.wait_for_function(changed, arg=[status, told[-1]])
        told.append(page.locator(status).text_content())
    assert len(set(told[1:])) == 5
    best = board.boards[0].rows[0]
    assert any(points(best.curve[-1].accuracy) in str(one) and best.objective in str(one) for one in told)
    page.keyboard.press("Escape")
    assert page.locator("#curves .tip").is_hidden()
    text = page.locator(FIGURE).get_attribute("aria-label") or ""
    assert all(name in text for name in ("validation accuracy", "completions", "agro", "frozen", "throughout"))


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_cut_off_on_a_narrow_screen(show: Open, width: int) -> None:
    page = show(viewport=PHONE | {"width": width})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure in page.locator(".explorer svg[role=img]").all():
        edges = figure.evaluate(
            """svg => { const box = svg.getBoundingClientRect();
              const ends = [...svg.querySelectorAll("text")].map(text => text.getBoundingClientRect());
              return [box.left, box.right, Math.min(...ends.map(e => e.left)),
                      Math.max(...ends.map(e => e.right))]; }"""
        )
        assert edges[0] >= 0 and edges[1] <= width
        assert edges[0] - 1 <= edges[2] and edges[3] <= edges[1] + 1
    wide = page.locator("section .wide").first
    first = wide.locator("tbody th").first
    before = first.bounding_box()
    wide.evaluate("place => place.scrollLeft = 120")
    after = first.bounding_box()
    assert before and after and before["x"] == after["x"]


def test_in_the_dark_nothing_is_white(show: Open) -> None:
    page = show(viewport=SCREEN, color_scheme="dark")
    light = page.evaluate(
        """() => [...document.querySelectorAll("body, body *")].filter(one => {
          const parts = getComputedStyle(one).backgroundColor.match(/[\\d.]+/g).map(Number);
          return (parts[3] ?? 1) > 0.1 && parts[0] + parts[1] + parts[2] > 450;
        }).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert light == []
    label = f"{FIGURE} .labels text"
    page.wait_for_selector(label)
    ink = page.evaluate(
        f"() => getComputedStyle(document.querySelector('{label}')).fill"
    )  # at once: figures are redrawn
    assert min(map(int, re.findall(r"\d+", ink))) > 180


def test_paper_gets_the_figure_and_whole_tables(show: Open) -> None:
    page = show(viewport=SCREEN, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden() and page.locator("#curves .controls").is_hidden()
    assert page.locator(FIGURE).is_visible()
    assert page.locator(".wide").first.evaluate("place => getComputedStyle(place).overflowX") == "visible"
    assert len(page.pdf()) > 10_000


def test_every_table_says_what_it_is(show: Open) -> None:
    page = show(viewport=SCREEN)
    nameless = "all => all.filter(one => !one.caption || !one.caption.textContent.trim()).length"
    assert page.locator("table").evaluate_all(nameless) == 0
    assert page.locator("thead th:not([scope=col])").count() == 0
    assert page.locator("tbody tr > :first-child:not(th[scope=row])").count() == 0


@pytest.mark.parametrize(("file", "count"), [("leaderboard.csv", 8), ("curves.csv", 0), ("verdicts.csv", 0)])
def test_what_is_saved_is_what_was_measured(show: Open, runs: list[RunResult], file: str, count: int) -> None:
    page = show(viewport=SCREEN)
    with page.expect_download() as saved:
        page.locator("button.save", has_text=file).click()
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8"))))
    done = [run for run in runs if run.test]
    if file == "leaderboard.csv":
        assert len(rows) == count
    elif file == "curves.csv":
        singles = [row for row in rows if row["run"] != "mean"]
        assert len(singles) == sum(len(run.curve) for run in done)
        sums = sorted(round(100 * point.accuracy, 3) for run in done for point in run.curve)
        assert sorted(round(float(row["validation accuracy, %"]), 3) for row in singles) == sums
    else:
        found = {(row["run_id"], row["problem"]): (int(row["correct"]), int(row["samples"])) for row in rows}
        assert found == {
            (run.run_id, problem): (letters.count("c"), len(letters))
            for run in done
            if run.test
            for problem, letters in run.test.summary.verdicts.items()
        }


def test_settings_that_differ_are_marked(show: Open, board: Board, runs: list[RunResult]) -> None:
    page = show(viewport=SCREEN)
    table = page.locator("#settings-0")
    assert table.locator("thead th").all_inner_texts() == ["setting", *(row.objective for row in board.boards[0].arms)]
    rate = table.locator("tr", has=page.locator("th", has_text="optimizer.learning_rate"))
    assert rate.count() == 1
    rates = {run.config.objective.name: run.config.optimizer.learning_rate for run in runs}
    expected = [rates[row.objective] for row in board.boards[0].arms]
    assert [float(text.lstrip("≠ ")) for text in rate.locator("td").all_inner_texts()] == expected
    others = [value for value in expected if value != rates["grpo"]]
    assert [float(text.lstrip("≠ ")) for text in rate.locator("mark").all_inner_texts()] == others and 0.5 in others
    assert table.locator("tr", has_text="objective.objective").locator("mark").count() > 0
    everything = table.locator("tbody tr:visible").count()
    page.locator("input[data-differences=settings-0]").check()
    left = table.locator("tbody tr:visible")
    assert 0 < left.count() < everything and left.count() == table.locator("tr", has=page.locator("mark")).count()


@pytest.mark.parametrize(("seeds", "rewarded", "said"), [(5, False, "no reward"), (1, True, "1 seed"), (5, True, "")])
def test_a_number_that_says_little_says_so_where_it_stands(
    browser: Browser, runs: list[RunResult], tmp_path: Path, seeds: int, rewarded: bool, said: str
) -> None:
    few = [replace(run, rewarded=rewarded) for run in runs if run.config.seed < seeds]
    board = build(suite(), few)
    (tmp_path / "page.html").write_text(leaderboard_page(board, few, {}), encoding="utf-8")
    page, complaints = opened(browser, tmp_path / "page.html", SCREEN)
    flags = page.locator("header .flag")
    assert flags.count() == (1 if said else 0)
    cells = page.locator("section table").first.locator("tbody td:nth-child(4)").all_inner_texts()
    assert len(cells) == 3 and all(cell.endswith(f"({said})") if said else "(" not in cell for cell in cells)
    assert (f"({said})" in markdown(board)) == bool(said)
    assert complaints == []
    page.close()
