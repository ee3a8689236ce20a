"""The pictures of leaderboards look as they were drawn, in a third of the bytes."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from harness.report.numbers.board import build
from harness.report.pages.plots import DPI, pictures, save
from tests.support.boards import many
from tests.support.results import suite


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
