"""The pictures of leaderboards look as they were drawn, in a third of the bytes."""

import io
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from harness.report.numbers.board import build
from harness.report.pages.plots import DPI, NAMES, pictures, save
from tests.support.boards import many, trained
from tests.support.results import records_of, result, suite


def test_256_colours_look_like_all_of_them(small_runs: dict[str, Path]) -> None:
    for name, figure in pictures(build(suite(), many(small_runs))).items():
        drawn, saved = io.BytesIO(), io.BytesIO()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # it would move the panels a little with every drawing
        figure.savefig(drawn, dpi=DPI)
        save(figure, saved)
        with Image.open(drawn) as first, Image.open(saved) as second:
            assert second.mode == "P", name
            difference = np.abs(np.asarray(first.convert("RGB"), int) - np.asarray(second.convert("RGB"), int)).max(-1)
        assert difference.mean() < 0.1, name
        assert (difference > 32).mean() < 0.0005, name
        assert len(saved.getvalue()) < len(drawn.getvalue()) / 2, name


def test_any_number_of_objectives_is_named_inside_its_picture(small_runs: dict[str, Path]) -> None:
    """Their legends fit, the panels keep their height, and no two objectives look the same."""
    arms = [f"objective-{number:02}" for number in range(28)]
    records = records_of(small_runs, "agro")
    runs = [
        trained(result(records, objective__name=arm, seed=seed, regime=regime), 0.8, 0.1, seed)
        for arm, seed, regime in product(arms, range(5), ("on_policy", "offline"))
        if (arm, regime) != (arms[-1], "on_policy")  # only in the other regime
    ]
    found = pictures(build(suite(), runs))
    assert found.keys() == set(NAMES)
    for name, figure in found.items():
        figure.draw_without_rendering()
        whole = figure.bbox
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
        named = [text.get_text() for legend in legends for text in legend.get_texts()]
        assert set(arms) <= {text.split(" (")[0] for text in named}, name
        for legend in legends:
            box = legend.get_window_extent()
            assert whole.y0 <= box.y0 and box.y1 <= whole.y1, name
            lines = [line for line in legend.get_lines() if line.get_color() != "0.35"]
            looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}
            assert len(looks) == len(lines), name
        assert all(axes.get_position().height * figure.get_figheight() > 2 for axes in figure.axes), name
