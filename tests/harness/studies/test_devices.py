"""``harness plan`` for several devices, for a CPU, and for arms that cannot be planned."""

import re
import shlex
from dataclasses import replace
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from harness.cli import app
from harness.studies.planning import sweep as sweeping
from harness.studies.planning.arm import Arm
from harness.studies.planning.device import Device
from harness.studies.planning.forecast import Forecast
from harness.studies.planning.gpus import GPUS
from harness.studies.planning.layout import ALONE, Layout, layout_of, ways
from harness.studies.planning.memory import memory_of
from harness.studies.planning.parts import Parts, bytes_of, parts_of
from harness.studies.planning.sweep import IDLE, MEMORY, swept
from harness.studies.planning.tables import told
from harness.studies.planning.traffic import Traffic, of_update
from tests.support.paths import ROOT
from tests.support.small import small_config

SHARDED = Layout(devices=2, parallel="shard")
RESHARDED = Layout(devices=2, parallel="shard", reshard=True)
H100 = GPUS["h100"]
PAGE = ROOT / "docs" / "many-devices.md"


def plan(*options: str) -> Any:
    result = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["plan", *options])
    assert "Traceback" not in result.output
    return result


def an_arm(objective: str = "agro", device: Device = H100, **settings: Any) -> Arm:
    config = small_config(objective, **settings)
    return Arm(config=config, parts=parts_of(config), device=device, prompt=20, completion=30)


def trained(parts: Parts) -> int:
    return bytes_of(p for module in parts.modules for p in module.parameters() if p.requires_grad)


@pytest.mark.parametrize("objective", ["agro", "ppo"])
def test_replicas_hold_what_one_device_holds(objective: str) -> None:
    arm = an_arm(objective)
    assert arm.memory(Layout(devices=4)) == arm.memory(ALONE)


@pytest.mark.parametrize("objective", ["agro", "ppo"])
@pytest.mark.parametrize("devices", [2, 3, 8])
def test_shards_are_parts_of_the_whole(objective: str, devices: int) -> None:
    """Never less than an equal part, and more by less than a row of each weight. The rest does not change."""
    config = small_config(objective)
    parts = parts_of(config)
    alone, each = memory_of(config, parts, ALONE), memory_of(config, parts, Layout(devices=devices, parallel="shard"))
    rows = sum(p.numel() // p.shape[0] for module in parts.modules for p in module.parameters())
    for name, copies in (("policy", 4), ("reference", 4), ("critic", 4), ("gradients", 4), ("optimiser", 8)):
        equal = alone.items[name].size / devices
        assert equal <= each.items[name].size <= equal + copies * rows, name
    for name in ("engine's weights", "keys and values", "activations", "logits"):
        assert each.items[name] == alone.items[name]


def test_gathered_weights_are_whole_in_an_update_or_layer_by_layer() -> None:
    arm = an_arm("ppo")
    whole = bytes_of(p for module in arm.parts.modules for p in module.parameters())
    held = arm.memory(SHARDED).held("training")
    assert held["weights gathered"] == whole
    assert held["gradients not yet summed"] == trained(arm.parts)
    assert "gradients" not in held  # their sums exist only when the whole ones are freed
    few = arm.memory(RESHARDED).held("training")
    assert few["weights gathered"] < held["weights gathered"]
    assert few["gradients not yet summed"] < held["gradients not yet summed"]


def test_bytes_that_devices_exchange() -> None:
    """The least that is possible: each gradient is summed once. Shards also gather each weight once."""
    parts = an_arm("ppo").parts
    gradients, weights = trained(parts), bytes_of(p for module in parts.modules for p in module.parameters())
    assert of_update(parts, Layout(devices=4), 3).bytes == pytest.approx(2 * 3 / 4 * gradients)
    assert of_update(parts, SHARDED, 3).bytes == pytest.approx((weights + gradients) / 2)
    assert of_update(parts, RESHARDED, 3).bytes == pytest.approx(3 * (2 * weights + gradients) / 2)
    assert of_update(parts, ALONE, 3) == Traffic()


def test_a_slow_link_is_waited_for_and_machines_are_joined_by_the_network() -> None:
    device, moved = H100, Traffic(bytes=1e9)
    assert moved.seconds(device, Layout(devices=8)) == pytest.approx(1 / (450 * 0.7))
    assert moved.seconds(device, Layout(devices=16)) == pytest.approx(1 / (400 * 0.7))
    assert moved.seconds(GPUS["t4"], Layout(devices=2)) == pytest.approx(1 / (16 * 0.7))


def test_groups_are_shared_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """With four prompts, two devices have half of them each, three take as long as two, and eight no less than four."""
    monkeypatch.setattr("harness.studies.planning.duration.LAUNCH", {"transformers": 0.0, "vllm": 0.0})
    arm = an_arm()
    times = {devices: arm.duration(Layout(devices=devices)).training for devices in (1, 2, 3, 4, 8)}
    assert times[2] == times[3] == pytest.approx(times[1] / 2)
    assert times[4] == times[8] == pytest.approx(times[1] / 4)
    sampling = [arm.duration(Layout(devices=devices)).sampling for devices in (1, 2, 4, 8)]
    assert sampling == sorted(sampling, reverse=True) and sampling[2] == sampling[3] > 0  # weights are always read


def test_the_number_of_devices_changes_no_tokens_and_no_flops() -> None:
    arm = an_arm("ppo")
    alone = arm.duration(ALONE)
    for layout in (*ways(2), *ways(4)):
        found = arm.duration(layout)
        counts = [(each.steps, each.sampled_tokens, each.evaluated_tokens, each.flops) for each in (alone, found)]
        assert counts[0] == counts[1]
        assert found.communication > 0 == alone.communication


def test_the_settings_of_a_run_say_how_it_lies() -> None:
    config = small_config(compute__devices=2, compute__parallel="shard")
    assert layout_of(config) == SHARDED
    assert memory_of(config, parts_of(config)) == memory_of(config, parts_of(config), SHARDED)


def test_many_runs_go_side_by_side_first() -> None:
    """Three runs on two devices: first two at once, then one, while a device is idle."""
    found = swept([an_arm()], 3, 2)
    assert found and (found.a_run, found.side_by_side, found.limit) == (1, 2, IDLE)
    assert found.efficiency == pytest.approx(0.75)
    assert found.share(IDLE) == pytest.approx(0.25)
    assert sum(found.spent.values()) == pytest.approx(2 * found.seconds)
    one = swept([an_arm()], 3, 1)
    assert one and one.efficiency == pytest.approx(1) and one.limit == ""


def test_then_several_devices_are_given_to_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that computes for long gets more devices, if there are more devices than runs.

    It never gets more devices than it has prompts.
    """
    for name in ("LAUNCH", "BEGINNING"):
        monkeypatch.setattr(f"harness.studies.planning.duration.{name}", {"transformers": 0.0, "vllm": 0.0})
    slow = an_arm(device=replace(H100, float32=0.1))
    for devices, a_run in ((2, 2), (4, 4), (64, 4)):
        found = swept([slow], 1, devices)
        assert found and found.a_run == a_run
    beyond = swept([slow], 1, 64)
    assert beyond and beyond.limit == IDLE


def test_a_run_that_needs_several_devices_is_limited_by_memory() -> None:
    needed = an_arm().memory(SHARDED).peak / 2**30
    tight = an_arm(device=replace(H100, memory=needed))
    least = tight.smallest()
    assert not tight.fits(ALONE) and least is not None and least.devices == 2 and least.sharded
    found = swept([tight], 3, 2)
    assert found and (found.a_run, found.limit) == (2, MEMORY)
    assert swept([tight], 3, 1) is None
    assert an_arm(device=replace(H100, memory=0.1)).smallest() is None


@pytest.mark.parametrize(("seconds", "text"), [(7200, "2.0 h"), (3600, "1.0 h"), (90, "1.5 min"), (59, "59.0 s")])
def test_short_times_are_told_in_minutes_and_seconds(seconds: float, text: str) -> None:
    assert told(seconds) == text


def test_small_models_take_a_time_that_is_not_nothing() -> None:
    found = plan("--suite", "tiny-arithmetic", "--gpu", "h100", "--algos", "agro,grpo").output
    for what in ("sampling", "training", "total"):
        assert re.search(rf"^ {what} .*[1-9].* (s|min) ", found, re.M), what


def test_a_cpu_is_measured_and_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.studies.planning.this_cpu.WIDTH", 64)
    monkeypatch.setattr("harness.studies.planning.this_cpu.COPIED", 2**16)
    threads = torch.get_num_threads()
    found = plan("--suite", "tiny-arithmetic", "--gpu", "cpu", "--algos", "agro,grpo")
    assert found.exit_code == 0, found.output
    assert "tiny-arithmetic on the cpu" in found.output and "transformers, float32" in found.output
    assert "measured on 1 thread" in " ".join(found.output.split()) and "CUDA" not in found.output
    assert torch.get_num_threads() == threads


def test_an_arm_that_cannot_be_planned_has_its_own_line() -> None:
    options = ["--suite", "tiny-arithmetic", "--gpu", "h100", "--set", "budget={unit: completions, total: 300}"]
    found = plan(*options, "--algos", "agro,astar_po")
    assert found.exit_code == 0, found.output
    said = " ".join(found.output.split())
    assert "per run agro " in said and "3 runs (1 arms x 3 seeds)" in said
    assert "astar_po cannot be planned: a budget of 300 completions is less than the 512" in said
    alone = plan(*options, "--algos", "astar_po")
    assert alone.exit_code == 2 and "a budget of 300 completions" in alone.output


def test_every_arm_that_does_not_fit_is_told(llama: str) -> None:
    options = ["--suite", "llama3-8b-math", "--gpu", "h100", "--model", llama, "--algos", "agro,grpo"]
    found = plan(*options, "--set", "policy.lora=null")
    assert found.exit_code == 2
    for name in ("agro", "grpo"):
        assert re.search(
            rf"{name}: a run needs 173.5 GiB while training.*it fits on \d+ devices \(--set compute.devices",
            found.output,
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--devices", "0"], "--devices '0': give a number such as 8"),
        (["--devices", "8,8"], "--devices '8,8'"),
        (["--devices", "eight"], "--devices 'eight'"),
        (["--parallel", "shard"], "--parallel shard needs --devices N"),
        (["--algos", "agro,grpoo"], "no objective 'grpoo'"),
        (["--seeds", "3", "--until", "decided"], "--until decided chooses the seeds"),
    ],
)
def test_bad_questions_are_one_sentence(options: list[str], sentence: str) -> None:
    found = plan("--suite", "tiny-arithmetic", "--gpu", "h100", *options)
    assert found.exit_code == 2 and sentence in found.output


def test_one_run_on_several_devices_is_compared_with_one() -> None:
    options = ("--suite", "tiny-arithmetic", "--gpu", "h100", "--algos", "agro")
    found = plan(*options, "--devices", "2,4", "--parallel", "shard")
    assert found.exit_code == 0, found.output
    rows = re.findall(r"^ agro +(1|\d \(shard\)) ", found.output, re.M)
    assert rows == ["1", "2 (shard)", "4 (shard)"]
    one = plan(*options, "--devices", "2", "--parallel", "replicate")
    assert "memory on each of 2 devices, replicate" in one.output and " exchange " in one.output


def test_the_documentation_shows_what_the_command_prints(llama: str) -> None:
    """The first block of the page is the command, and its second one is the table."""
    command, table, *_ = re.findall(r"^```(?:bash)?\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    options = shlex.split(command.replace("\\\n", " "), comments=True)
    assert options[:2] == ["harness", "plan"]
    printed = plan(*options[2:], "--model", llama)
    assert printed.exit_code == 0, printed.output
    assert sweeping.IDLE in table
    assert [line.rstrip() for line in table.splitlines()] == [
        line.rstrip() for line in _block(printed.output, "15 runs (5 arms x 3 seeds) by number of devices")
    ]


def _block(output: str, title: str) -> list[str]:
    """The lines after the title, up to the next empty line after the rows."""
    lines = output.splitlines()
    start = lines.index(title) + 2
    return lines[start : next(place for place in range(start, len(lines)) if not lines[place].strip())]


def test_forecasts_are_of_runs_as_they_lie_on_their_devices() -> None:
    forecast = Forecast()
    alone, sharded = small_config(), small_config(compute__devices=2, compute__parallel="shard")
    assert forecast.gib(alone) * 2**30 == pytest.approx(memory_of(alone, parts_of(alone), ALONE).peak)
    assert forecast.gib(sharded) * 2**30 == pytest.approx(memory_of(alone, parts_of(alone), SHARDED).peak)
    assert forecast.hours(alone) != forecast.hours(sharded)
