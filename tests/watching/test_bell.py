"""The bell, on a pipe: it sends the same signal as an inotify queue does."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from uvwatch.watching.bell import NoBell, QueueBell


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def waited(bell: QueueBell | NoBell) -> float:
    """How long a wait of ten seconds took."""
    began = time.monotonic()
    bell.wait(10)
    return time.monotonic() - began


def test_what_happens_during_a_wait_ends_it(pipe: tuple[int, int]) -> None:
    bell = QueueBell(pipe[0])
    assert bell.listen()
    writer = threading.Thread(target=os.write, args=(pipe[1], b"x"))
    writer.start()
    assert waited(bell) < 5
    writer.join()
    bell.leave()


def test_what_happened_and_was_read_by_another_before_the_wait_ends_it_too(pipe: tuple[int, int]) -> None:
    bell = QueueBell(pipe[0])
    assert bell.listen()
    os.write(pipe[1], b"x")
    os.read(pipe[0], 1)
    assert waited(bell) < 5
    bell.leave()


def test_any_thread_can_end_the_wait(pipe: tuple[int, int]) -> None:
    bell = QueueBell(pipe[0])
    assert bell.listen()
    ringer = threading.Thread(target=bell.ring)
    ringer.start()
    assert waited(bell) < 5
    ringer.join()
    bell.leave()


def test_after_the_end_nothing_is_sent_and_nothing_is_left(pipe: tuple[int, int]) -> None:
    bell = QueueBell(pipe[0])
    assert bell.listen()
    os.write(pipe[1], b"x")
    bell.leave()
    # A signal that came now would end this process: its default is to.
    os.write(pipe[1], b"x")
    bell.ring()
    assert signal.SIGIO not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGIO not in signal.sigpending()


def test_where_there_is_no_such_descriptor_there_is_no_bell() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    bell = QueueBell(reading)
    assert not bell.listen()
    bell.leave()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})


def test_without_a_bell_only_a_ring_ends_a_wait() -> None:
    bell = NoBell()
    assert not bell.listen()
    bell.ring()
    assert waited(bell) < 5
    bell.leave()
