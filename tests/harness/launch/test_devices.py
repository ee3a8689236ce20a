"""Which devices the settings mean, which of them exist, and how many runs share one."""

from types import SimpleNamespace

import pytest
import torch

import harness.launch.places
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.devices import VISIBLE, Device, cpu_slots, devices_of, gpus
from harness.launch.places import Places, places_of
from harness.launch.scheduling import Alike
from tests.support.pinned import fake_gpus
from tests.support.small import small_config


def machine(monkeypatch: pytest.MonkeyPatch, count: int, visible: str | None = None) -> None:
    """A machine on which torch finds ``count`` GPUs of 80 GiB."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: SimpleNamespace(total_memory=80 * 2**30))
    if visible is None:
        monkeypatch.delenv(VISIBLE, raising=False)
    else:
        monkeypatch.setenv(VISIBLE, visible)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0-3", ["0", "1", "2", "3"]),
        ("0,2,3", ["0", "2", "3"]),
        ("cuda:1-2", ["1", "2"]),
        ("cuda:0-1,cuda:3", ["0", "1", "3"]),
        ("3, 1", ["3", "1"]),
        ("2", ["2"]),
    ],
)
def test_gpus_by_number(asked: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 4)
    assert [device.visible for device in devices_of(asked, "cuda")] == expected


@pytest.mark.parametrize(
    ("visible", "asked", "expected"),
    [
        ("4,5,6", "0,2", ["4", "6"]),
        ("GPU-1a,GPU-2b,MIG-3c", "1-2", ["GPU-2b", "MIG-3c"]),
        ("GPU-1a, GPU-2b,MIG-3c", "GPU-2b,0", ["GPU-2b", "GPU-1a"]),
        ("2,3,7", "cuda:2", ["7"]),
    ],
)
def test_what_the_user_made_visible_is_what_numbers_count(
    visible: str, asked: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, 3, visible)
    assert [device.visible for device in devices_of(asked, "cuda")] == expected


def test_without_a_choice_all_that_torch_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 2, "6,7,9")  # CUDA ignores all devices after one that does not exist
    assert [(device.name, device.visible, device.memory) for device in gpus()] == [
        ("cuda:0", "6", 80.0),
        ("cuda:1", "7", 80.0),
    ]
    machine(monkeypatch, 0, "")
    assert gpus() == []


def test_slots_of_the_cpu() -> None:
    assert [device.name for device in devices_of("cpu:3", "cpu")] == ["cpu:0", "cpu:1", "cpu:2"]


@pytest.mark.parametrize(
    ("asked", "kind", "sentence"),
    [
        ("0-7", "cuda", "names cuda:4, but torch sees 4 here, cuda:0 to cuda:3"),
        ("4", "cuda", "names cuda:4"),
        ("0,1,1", "cuda", "names cuda:1 twice"),
        ("0-2,2", "cuda", "names cuda:2 twice"),
        ("3-1", "cuda", "the range 3-1 is empty"),
        ("GPU-none", "cuda", "give GPUs, such as 0-7"),
        ("gpu0", "cuda", "give GPUs, such as 0-7"),
        ("", "cuda", "give GPUs, such as 0-7"),
        ("0,", "cuda", "give GPUs, such as 0-7"),
        ("0-", "cuda", "give GPUs, such as 0-7"),
        ("-1", "cuda", "give GPUs, such as 0-7"),
        ("cpu:4", "cuda", "these runs use the GPU"),
        ("0-1", "cpu", "these runs use the CPU"),
        ("9", "cpu", "names cuda:9, but torch sees 4 here"),
        ("cpu:0", "cpu", "or the number of runs that share the CPU, such as cpu:4"),
        ("cpu:x", "cpu", "or the number of runs that share the CPU, such as cpu:4"),
        ("cpu", "cpu", "or the number of runs that share the CPU, such as cpu:4"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    asked: str, kind: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, 4)
    with pytest.raises(HarnessError) as refused:
        devices_of(asked, kind)
    assert sentence in str(refused.value) and "--devices" in str(refused.value)


class Known(Alike):
    """An estimate of the memory of each run, in GiB."""

    def __init__(self, gib: float | None) -> None:
        self._gib = gib

    def gib(self, config: RunConfig) -> float | None:
        return self._gib


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    gib: float | None = None,
    *,
    here: list[Device],
    cores: int = 64,
    asked: int | None = None,
    workers: int | None = None,
    **changes: object,
) -> Places:
    """The devices chosen for twenty runs on a GPU."""
    config = small_config(**changes)
    on_gpu = config.model_copy(update={"model": config.model.model_copy(update={"device": "cuda"})})
    monkeypatch.setattr(harness.launch.places, "gpus", lambda: here)
    monkeypatch.setattr(harness.launch.places, "cores", lambda: cores)
    return places_of([on_gpu] * 20, devices=None, runs_per_device=asked, workers=workers, forecaster=Known(gib))


def unknown(count: int) -> list[Device]:
    return [Device(name=f"cuda:{i}", visible=str(i)) for i in range(count)]


@pytest.mark.parametrize(
    ("gib", "here", "cores", "changes", "expected", "why"),
    [
        (20.0, fake_gpus(2), 64, {}, 3, "estimates 20.0 GiB per run, and the GPU has 80.0 GiB"),
        (75.0, fake_gpus(2), 64, {}, 1, "estimates 75.0 GiB"),
        (90.0, fake_gpus(2), 64, {}, 1, "estimates 90.0 GiB"),
        (10.0, fake_gpus(2), 8, {}, 4, "7 would fit, but there are only cores for 4"),
        (None, fake_gpus(2), 64, {}, 1, "is not known"),
        (10.0, unknown(2), 64, {}, 1, "is not known"),
        (10.0, fake_gpus(2), 64, {"budget": {"unit": "seconds", "total": 60}}, 1, "their budget is in seconds"),
        (10.0, fake_gpus(4), 64, {"compute__devices": 2}, 1, "a run uses 2 GPUs"),
    ],
)
def test_runs_share_a_gpu_where_they_fit_and_the_reason_is_told(
    gib: float | None,
    here: list[Device],
    cores: int,
    changes: dict[str, object],
    expected: int,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = chosen(monkeypatch, gib, here=here, cores=cores, **changes)
    assert places.runs_per_device == expected
    told = "\n".join(places.remarks)
    assert f"{expected} run" in told and why in told
    assert "on cuda:0, cuda:1" in told


def test_what_is_asked_for_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    here = fake_gpus(2)
    assert chosen(monkeypatch, 75.0, here=here, asked=3).runs_per_device == 3
    assert chosen(monkeypatch, 75.0, here=here, asked=3).at_once == 6
    assert chosen(monkeypatch, 75.0, here=here, asked=3, workers=4).at_once == 4
    assert chosen(monkeypatch, 75.0, here=here, workers=4).at_once == 2
    assert chosen(monkeypatch, 75.0, here=fake_gpus(5), compute__devices=2).at_once == 2


def test_more_devices_a_run_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HarnessError, match=r"compute\.devices=4, but there are only 2 here \(cuda:0, cuda:1\)"):
        chosen(monkeypatch, 1.0, here=fake_gpus(2), compute__devices=4)


def test_several_runs_do_not_share_what_one_takes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HarnessError, match=r"--runs-per-device is for runs on one device.*compute\.devices=2"):
        chosen(monkeypatch, 1.0, here=fake_gpus(4), asked=2, compute__devices=2)


def test_cores_are_those_that_a_job_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {3, 5, 7}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 128)
    assert harness.launch.places.cores() == 3


def test_on_a_cpu_as_cores_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.launch.places, "cores", lambda: 4)

    def places(**options: object) -> Places:
        given = {"devices": None, "runs_per_device": None, "workers": None, "forecaster": Alike()} | options
        return places_of([small_config(compute__threads=2)] * 20, **given)  # type: ignore[arg-type]

    assert places().devices == cpu_slots(2) and places().remarks == ()
    assert places(workers=1).at_once == 1
    assert places(workers=3).at_once == 3
    assert "warning: 3 workers with 2 threads each share 4 cores" in places(workers=3).remarks[0]
    assert places(devices="cpu:4").at_once == 4
    assert places(devices="cpu:4", workers=3).at_once == 3
    with pytest.raises(HarnessError, match="--runs-per-device is for GPUs"):
        places(runs_per_device=2)
