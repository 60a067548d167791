"""Sleep by clocks that are arguments, a stop by a real signal."""

import os
import signal
from collections.abc import Iterator

import anyio
import pytest
from trio.testing import MockClock

from uvwatch.watching.resume import EVERY, notice_sleep, notice_stop, wall_ahead

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})])
@pytest.mark.parametrize(
    ("ahead", "reasons"),
    [
        ([100.0, 100.0, 100.0], []),
        ([100.0, 101.5, 103.0], []),  # a clock that is set right little by little
        ([100.0, 3700.0, 3700.0], ["the clock jumped by 3600 s"]),
        ([100.0, 90.0, 90.0], ["the clock jumped by -10 s"]),
    ],
)
async def test_a_jump_of_the_wall_clock_is_a_doubt_and_a_slow_drift_is_none(
    ahead: list[float], reasons: list[str]
) -> None:
    told: list[str] = []
    clocks: Iterator[float] = iter(ahead)
    with anyio.move_on_after(EVERY * (len(ahead) - 0.5)):
        await notice_sleep(told.append, ahead=clocks.__next__)
    assert told == reasons


def test_the_real_clocks_do_not_come_apart_by_themselves() -> None:
    assert abs(wall_ahead() - wall_ahead()) < 1


async def test_a_process_that_goes_on_after_a_stop_doubts() -> None:
    told: list[str] = []
    continued = anyio.Event()

    def doubt(reason: str) -> None:
        told.append(reason)
        continued.set()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notice_stop, doubt)
            await anyio.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGCONT)
            await continued.wait()
            tasks.cancel_scope.cancel()
    assert told == ["the process was stopped for a while"]
