"""The number of devices is not part of the identity of a run. Tables say if runs differ in it."""

from dataclasses import replace
from pathlib import Path

from harness.records.journal import Journal
from harness.records.results import read_results
from harness.report.numbers.board import build
from harness.report.pages.notes import warnings
from tests.support.results import suite
from tests.support.small import small_config


def test_devices_enter_no_id() -> None:
    plain = small_config("agro")
    for changes in ({"compute__devices": 8}, {"compute__devices": 2, "compute__parallel": "shard"}):
        other = small_config("agro", **changes)
        assert (other.run_id, other.arm_key, other.match_key) == (plain.run_id, plain.arm_key, plain.match_key)
        assert other != plain


def test_runs_over_other_numbers_of_devices_share_a_table_with_a_remark(small_runs: dict[str, Path]) -> None:
    start, *rest = Journal(small_runs["agro"]).read()
    over_two = start.origin.versions | {"devices": "2, replicate"}  # type: ignore[union-attr]
    two = [replace(start, origin=replace(start.origin, versions=over_two)), *rest]  # type: ignore[union-attr, type-var]
    board = build(suite(), read_results([two, Journal(small_runs["grpo"]).read()]))
    assert len(board.boards) == 1 and len(board.boards[0].rows) == 2
    (remark,) = [line for line in warnings(board) if "devices" in line]
    assert remark.startswith("devices per run: 1; 2, replicate; ")
