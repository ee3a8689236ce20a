"""Which run starts where: devices are shared only if they may be, and no run waits forever."""

import random

import pytest

from harness.launch.executors.slots import Slots


class Simulation:
    """Waiting and running runs on devices."""

    def __init__(self, waiting: list[int], devices: int, each: int, most: int | None = None) -> None:
        self.slots = Slots(devices, each, most)
        self.each, self.devices = each, devices
        self.waiting = list(enumerate(waiting))
        self.running: dict[int, tuple[int, ...]] = {}
        self.order: list[int] = []

    def start(self) -> None:
        while found := self.slots.next([wanted for _, wanted in self.waiting]):
            place, devices = found
            number, wanted = self.waiting.pop(place)
            assert len(set(devices)) == wanted
            self.running[number] = devices
            self.order.append(number)
            self.check()

    def check(self) -> None:
        for device in range(self.devices):
            here = [taken for taken in self.running.values() if device in taken]
            assert len(here) <= self.each
            if any(len(taken) > 1 for taken in here):
                assert len(here) == 1, "a run of several devices shares one"

    def end(self, number: int) -> None:
        self.slots.give_back(self.running.pop(number))

    def to_the_end(self, rng: random.Random) -> None:
        """Ends the runs in any order."""
        self.start()
        while self.running:
            self.end(rng.choice(sorted(self.running)))
            self.start()
        assert not self.waiting, "something never started"


@pytest.mark.parametrize("each", [1, 2, 3])
@pytest.mark.parametrize("devices", [1, 2, 5, 8])
def test_all_runs_start_and_none_shares_what_it_must_not(devices: int, each: int) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        wanted = [rng.choice([1, 1, 1, min(2, devices), min(4, devices), devices]) for _ in range(40)]
        Simulation(wanted, devices, each).to_the_end(rng)


def test_no_more_than_most_run_at_a_time() -> None:
    simulation = Simulation([1] * 10, devices=4, each=2, most=3)
    simulation.start()
    assert len(simulation.running) == 3
    simulation.end(0)
    simulation.start()
    assert len(simulation.running) == 3


def test_runs_start_in_their_order_and_on_the_emptiest_device() -> None:
    simulation = Simulation([1] * 6, devices=2, each=2)
    simulation.start()
    assert simulation.order == [0, 1, 2, 3]
    assert [simulation.running[number] for number in range(4)] == [(0,), (1,), (0,), (1,)]


@pytest.mark.parametrize("wanted", [2, 3, 4])
def test_a_large_run_starts_however_many_small_ones_come_behind_it(wanted: int) -> None:
    """Small runs end one by one, so devices are never free at the same time, unless they are kept for the large run."""
    simulation = Simulation([1, 1, 1, 1, wanted, *[1] * 500], devices=4, each=1)
    simulation.start()
    for _ in range(8):
        simulation.end(next(iter(simulation.running)))
        simulation.start()
    assert 4 in simulation.order


def test_what_is_not_kept_for_a_large_run_goes_on_meanwhile() -> None:
    simulation = Simulation([1, 1, 1, 1, 3, 1, 1, 1, 1], devices=4, each=1)
    simulation.start()
    simulation.end(3)
    simulation.start()
    assert simulation.order == [0, 1, 2, 3], "it waits for this device, and for two others"
    simulation.end(2)
    simulation.start()
    assert simulation.order == [0, 1, 2, 3, 5], "of which this is none"
    simulation.end(0)
    simulation.end(1)
    simulation.start()
    assert simulation.order == [0, 1, 2, 3, 5, 4] and simulation.running[4] == (0, 1, 3)
