"""Notices that the program, or the whole machine, did not run for a while: nobody saw what happened meanwhile.

A stopped process (SIGSTOP, Ctrl-Z, a debugger) is told so by SIGCONT when it goes on. A machine that slept is betrayed
by its clocks: the wall clock went on and the monotonic one stood still. It knows clocks and signals. What a doubt leads
to it must not know.
"""

import signal
import time
from collections.abc import Callable

import anyio

EVERY = 2.0
"""Seconds between two looks at the clocks."""

JUMP = 2.0
"""Seconds by which the clocks come apart between two looks where the machine slept, or was set to another time."""

Doubt = Callable[[str], None]


def wall_ahead() -> float:
    """Seconds by which the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()


async def notice_sleep(doubt: Doubt, *, ahead: Callable[[], float] = wall_ahead) -> None:
    """Call ``doubt`` with a reason whenever the machine slept; never ends by itself."""
    before = ahead()
    while True:
        await anyio.sleep(EVERY)
        now = ahead()
        if abs(now - before) > JUMP:
            doubt(f"the clock jumped by {now - before:.0f} s")
        before = now


async def notice_stop(doubt: Doubt) -> None:
    """Call ``doubt`` with a reason whenever the process was stopped and goes on; never ends by itself."""
    number = getattr(signal, "SIGCONT", None)  # there is none on Windows, nor a stop
    if number is None:
        return
    with anyio.open_signal_receiver(number) as received:
        async for _ in received:
            doubt("the process was stopped for a while")
