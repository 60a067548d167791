"""The pulse of a watch, by a clock that is an argument, and real instances."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from uvwatch.watching.instance import Instance, Pulse, limit


class Clock:
    """A clock that stands still until it is told the time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pulse(clock: Clock, *sizes: int) -> Pulse:
    """One that reads these queue lengths, one a step, and empty ones after that."""
    queue = iter(sizes)
    return Pulse(lambda: next(queue, 0), bound=1000, clock=clock)


def beat(one: Pulse, clock: Clock, *, times: int = 1, step: float = 0.01) -> bool:
    ends = False
    for _ in range(times):
        clock.now += step
        ends = one.is_set()
    return ends


def test_steps_in_time_over_a_short_queue_leave_no_doubt() -> None:
    clock = Clock()
    one = pulse(clock, 0, 1000, 500, 0)
    assert not beat(one, clock, times=20)
    assert one.doubt() == ""


def test_a_queue_that_was_long_is_a_doubt_and_is_told_once() -> None:
    clock = Clock()
    one = pulse(clock, 0, 1001, 0)
    beat(one, clock, times=5)
    assert "kernel" in one.doubt()
    assert one.doubt() == ""


def test_a_step_that_was_late_is_a_doubt() -> None:
    clock = Clock()
    one = pulse(clock)
    beat(one, clock)
    beat(one, clock, step=1.5)
    assert one.doubt() == "nobody listened for 1.50 s"


def test_a_step_that_was_late_while_the_queue_may_have_been_filled_and_emptied_is_a_doubt() -> None:
    clock = Clock()
    one = pulse(clock)
    beat(one, clock, times=3)
    beat(one, clock, step=0.03)
    assert one.doubt() == "nobody listened for 0.03 s"


def test_a_late_step_after_which_nothing_is_told_is_forgotten() -> None:
    clock = Clock()
    one = pulse(clock)
    beat(one, clock)
    beat(one, clock, step=1.5)
    beat(one, clock, times=6)
    assert one.doubt() == ""


def test_a_queue_that_was_long_stays_a_doubt_however_long_nothing_is_told() -> None:
    clock = Clock()
    one = pulse(clock, 1001)
    beat(one, clock, times=30)
    assert "kernel" in one.doubt()


def test_a_late_step_is_excused_where_the_program_itself_was_busy() -> None:
    clock = Clock()
    one = pulse(clock)
    beat(one, clock)
    one.excuse()
    beat(one, clock, step=1.5)
    assert one.doubt() == ""


def test_polling_has_no_queue_and_no_doubts() -> None:
    clock = Clock()
    one = Pulse(None, bound=0, clock=clock)
    beat(one, clock)
    beat(one, clock, step=60)
    assert one.doubt() == ""


def test_a_stop_ends_the_watch_at_the_next_step_even_when_idle() -> None:
    clock = Clock()
    one = pulse(clock)
    one.stop()
    assert beat(one, clock, step=60)


def test_a_retired_watch_goes_on_until_what_had_happened_is_told() -> None:
    clock = Clock()
    one = pulse(clock)
    one.retire()
    assert not beat(one, clock, times=10)
    assert beat(one, clock, times=20)


def test_a_retired_watch_whose_thread_did_not_run_still_tells_what_has_piled_up() -> None:
    clock = Clock()
    queue = [320]
    one = Pulse(lambda: queue[0], bound=1000, clock=clock)
    one.begin()
    one.retire()
    assert not beat(one, clock, step=5)
    queue[0] = 0
    assert not beat(one, clock, times=3)
    one.begin()  # watchfiles told, and was asked again
    assert not beat(one, clock, times=3)
    assert beat(one, clock, times=3)


def test_a_retired_watch_that_never_comes_to_rest_ends_all_the_same_and_is_a_doubt() -> None:
    clock = Clock()
    one = Pulse(lambda: 32, bound=1000, clock=clock)
    one.begin()
    one.retire()
    assert not beat(one, clock, times=500)
    assert one.doubt() == ""
    assert beat(one, clock, times=30)
    assert "never came to rest" in one.doubt()


@pytest.mark.parametrize(
    ("message", "sysctl"),
    [
        ('OS file watch limit reached. about ["/a"] (Error { kind: MaxFilesWatch, paths: ["/a"] })',
         "fs.inotify.max_user_watches"),
        ("Error creating recommended watcher: Too many open files (os error 24)", "fs.inotify.max_user_instances"),
        ("No such file or directory (os error 2)", ""),
    ],
)  # fmt: skip
def test_the_kernels_limits_are_known_by_what_watchfiles_says(message: str, sysctl: str) -> None:
    assert limit(message) == sysctl


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance([str(tmp_path)], recursive=True, polling=False)
    yield instance
    instance.pulse.stop()
    instance.close()


def test_what_happens_after_the_constructor_is_told(watched: Instance, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    told = watched.wait()
    assert told is not None
    assert str(tmp_path / "a") in {path for _, path in told}


def test_a_name_that_is_not_utf8_breaks_the_instance_for_good(watched: Instance, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_text("x")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Unable to decode"):
            watched.wait()


def test_a_directory_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Instance([str(tmp_path), str(tmp_path / "missing")], recursive=False, polling=False)


def test_a_thread_that_waits_ends_when_it_is_told_to_stop(watched: Instance) -> None:
    thread = threading.Thread(target=watched.wait)
    thread.start()
    watched.pulse.stop()
    thread.join(timeout=5)
    assert not thread.is_alive()


class Sleeper:
    """A bell that remembers how long it was slept on, while a clock stands still or goes on."""

    def __init__(self, clock: Clock, *, passes: float) -> None:
        self.slept: list[float] = []
        self._clock = clock
        self._passes = passes

    def listen(self) -> bool:
        return True

    def wait(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.now += self._passes

    def ring(self) -> None:
        self.slept.append(-1)

    def leave(self) -> None:
        self.slept.append(-2)


def test_a_thread_that_a_bell_wakes_sleeps_when_nothing_happens_and_not_while_the_queue_holds_something() -> None:
    clock = Clock()
    bell = Sleeper(clock, passes=1.0)
    one = Pulse(iter([0] * 5 + [7] * 20 + [0] * 100).__next__, bound=1000, bell=bell, clock=clock)
    one.begin()
    beat(one, clock, times=25)
    assert bell.slept == []
    beat(one, clock, times=20)
    assert bell.slept
    assert one.doubt() == ""


def test_a_thread_that_was_woken_looks_at_every_step_for_a_while() -> None:
    clock = Clock()
    bell = Sleeper(clock, passes=0.5)
    one = Pulse(lambda: 0, bound=1000, bell=bell, clock=clock)
    one.begin()
    beat(one, clock, times=11)
    assert len(bell.slept) == 1
    beat(one, clock, times=7)
    assert len(bell.slept) == 1


def test_a_thread_that_was_woken_looks_at_once_for_what_reads_the_queue_was_woken_too() -> None:
    clock = Clock()
    bell = Sleeper(clock, passes=0.5)
    queue = iter([0] * 11 + [1001])
    one = Pulse(lambda: next(queue, 0), bound=1000, bell=bell, clock=clock)
    one.begin()
    beat(one, clock, times=11)
    assert len(bell.slept) == 1
    assert "kernel" in one.doubt()


def test_a_thread_that_slept_longer_than_it_was_to_is_late() -> None:
    clock = Clock()
    bell = Sleeper(clock, passes=1.5)
    one = Pulse(lambda: 0, bound=1000, bell=bell, clock=clock)
    one.begin()
    beat(one, clock, times=11)
    assert one.doubt() == "nobody listened for 0.50 s"


def test_a_retired_thread_does_not_sleep() -> None:
    clock = Clock()
    bell = Sleeper(clock, passes=1.0)
    one = Pulse(lambda: 0, bound=1000, bell=bell, clock=clock)
    one.begin()
    one.retire()
    assert beat(one, clock, times=25)
    assert bell.slept == [-1]
