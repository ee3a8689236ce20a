"""Where the time goes: spans add up, change nothing, and become a table."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from harness.cli import app
from harness.records.spans import TRACE, Profile, TraceEvent, matrix_rate, read_trace
from harness.report.profile import ARITHMETIC, HARNESS, rows, spent_of
from tests.support.small import SMALL, history, journal_of, run_small, small_config


def event(name: str, began: float, seconds: float, own: float) -> TraceEvent:
    return {"name": name, "ph": "X", "ts": 1e6 * began, "dur": 1e6 * seconds, "args": {"own": 1e6 * own}}


HEAD: TraceEvent = {"name": "process_name", "ph": "M", "args": {"name": "agro seed 0", "rate": 1e9, "flops": 2e9}}
WARM = [event("sync", 0, 5, 5), event("step", 0, 9, 4)]
TURN = [
    event("sampling", 11, 2, 2),
    event("forward", 14, 1, 1),
    event("backward", 15, 3, 3),
    event("training", 13.5, 5, 1),
    event("sync", 18.5, 0.5, 0.5),
    event("step", 10, 10, 2.5),
]
EVALUATION = event("evaluation", 9, 1, 1)
SPENT_BUDGET = [event("sampling", 21, 4, 4), event("step", 20, 6, 2)]


def test_a_step_is_split_into_what_was_spent_in_it() -> None:
    spent = spent_of([[HEAD, *WARM, EVALUATION, *TURN, *SPENT_BUDGET]])
    assert spent.steps == 1  # the first step was the warm-up, and the last one had no budget
    assert spent.step == 10
    assert spent.phases == {"sampling": 2, "forward": 1, "backward": 3, "training": 1, "sync": 0.5, "step": 2.5}
    assert sum(spent.phases.values()) == spent.step
    assert spent.overhead == pytest.approx(0.4)
    assert spent.floor == 1.0  # 1e9 of the 2e9 FLOPs of two steps, at 1e9 per second
    assert spent.beside == {"evaluation": 1}
    cells = {row[0]: row[1:] for row in rows(spent)}
    assert cells["sampling"] == ["2,000.0", "20.0%"]
    assert cells["overhead of the harness"] == ["4,000.0", "40.0%"]
    assert cells["lower bound: model FLOPs at 1 GFLOP/s (MFU)"] == ["1,000.0", "10.0%"]


def test_the_only_step_counts_though_it_warms_up_and_runs_are_averaged() -> None:
    assert spent_of([[HEAD, *WARM]]).step == 9
    both = spent_of([[HEAD, *WARM], [HEAD, *WARM, *TURN]])
    assert (both.steps, both.step) == (2, 9.5)
    with pytest.raises(ValueError, match="no trace has a complete step"):
        spent_of([[HEAD, *SPENT_BUDGET]])


def test_own_time_is_what_no_inner_span_covers() -> None:
    profile = Profile()
    with profile.span("outer"):
        time.sleep(0.02)
        with profile.span("inner"):
            time.sleep(0.05)
    inner, outer = profile.events
    assert [inner["name"], outer["name"]] == ["inner", "outer"]
    assert inner["args"]["own"] == inner["dur"] >= 5e4
    assert outer["args"]["own"] == pytest.approx(outer["dur"] - inner["dur"])
    assert outer["ts"] <= inner["ts"] and inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]


def test_a_span_ends_with_an_error_inside_it() -> None:
    profile = Profile()
    with pytest.raises(KeyError), profile.span("outer"), profile.span("inner"):
        raise KeyError
    assert [span["name"] for span in profile.events] == ["inner", "outer"]


def test_a_profiled_run_is_the_run_and_its_spans_cover_its_steps(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"optimizer__updates_per_rollout": 2, "optimizer__minibatches": 2}
    config = small_config("ppo", **changes)
    run_small(config, tmp_path / "plain")
    run_small(config, tmp_path / "traced", profiled=True)
    assert history(tmp_path / "plain") == history(tmp_path / "traced")
    assert not (tmp_path / "plain" / TRACE).exists()
    events = read_trace(tmp_path / "traced" / TRACE)
    spent = spent_of([events])
    assert spent.steps == 5
    assert set(spent.phases) == {*ARITHMETIC, *HARNESS} - {"gradients"}  # one process has no others to sum with
    assert sum(spent.phases.values()) == pytest.approx(spent.step, rel=1e-6)
    assert set(spent.beside) == {"evaluation", "checkpoint"}
    assert 0 < spent.overhead < 0.5
    assert events[0]["args"]["flops"] == history(tmp_path / "plain")[-1]["spent"]["flops"]


def test_every_step_logs_the_share_of_the_machines_rate_that_it_reached(tmp_path: Path) -> None:
    run_small(small_config(), tmp_path)
    start, *records = journal_of(tmp_path)
    steps = [record for record in records if record["event"] == "step"]
    rate = start["origin"]["matrix_rate"]
    assert rate > 1e9
    before = records[1]
    cost = steps[0]["spent"]["flops"] - before["spent"]["flops"]
    seconds = steps[0]["clock"]["seconds"] - before["clock"]["seconds"]
    assert steps[0]["clock"]["mfu"] == pytest.approx(cost / seconds / rate)
    assert all(0 < record["clock"]["mfu"] < 1 for record in steps)


def test_the_rate_of_matrix_products_is_of_the_device_and_the_precision() -> None:
    """It is the best of several measurements, because a single one on a busy machine says little."""
    measure, cpu = matrix_rate.__wrapped__, torch.device("cpu")
    found = {dtype: max(measure(cpu, dtype) for _ in range(8)) for dtype in (torch.float32, torch.float64)}
    assert found[torch.float64] < found[torch.float32]


def test_the_command_prints_a_table_and_writes_one_trace(tmp_path: Path) -> None:
    small = {key: value for key, value in SMALL.items() if key != "budget"}
    changes = [part for key, value in small.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    command = ["run", "--algos", "agro,grpo", "--seeds", "1", "--budget", "completions=48", "--workers", "1"]
    done = CliRunner().invoke(app, [*command, *changes, "--out", str(tmp_path), "--profile"])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "tiny-arithmetic"
    text = (folder / "profile.md").read_text()
    for heading in ("## agro: means over 2 steps", "## grpo: means over 2 steps", "overhead of the harness", "MLflow"):
        assert heading in text
    events = json.loads((folder / TRACE).read_text())["traceEvents"]
    assert {e["pid"] for e in events} == {0, 1, 2}
    assert {e["name"] for e in events if e["pid"] == 2} == {"MLflow"}


def test_runs_that_had_ended_leave_no_trace_to_tell_of(tmp_path: Path) -> None:
    small = {key: value for key, value in SMALL.items() if key != "budget"}
    changes = [part for key, value in small.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    command = ["run", "--algos", "agro", "--seeds", "1", "--budget", "completions=16", "--out", str(tmp_path), *changes]
    assert CliRunner().invoke(app, command).exit_code == 0
    again = CliRunner().invoke(app, [*command, "--profile"])
    assert again.exit_code == 2
    assert "--fresh" in again.output and "Traceback" not in again.output
