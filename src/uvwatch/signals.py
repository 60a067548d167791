"""How a command is stopped from outside: SIGINT, SIGTERM and SIGHUP end it cleanly, a second SIGINT at once.

A SIGHUP that was ignored when the program began stays ignored (``nohup``). SIGINT does not: a shell without job control
starts whatever it puts into the background with SIGINT ignored, and whoever sends one there means it.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskStatus

from uvwatch.installing import process
from uvwatch.tasks import background

INTERRUPTED = 130
"""The exit status of a second SIGINT: 128 and the signal's number, as shells have it."""


class Stop:
    """What stopped the body: ``signal`` is None as long as nothing did."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None


@asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[Stop]:
    """Run the body until it ends or a signal comes, which cancels it; then go on after the body."""
    stop = Stop()
    async with background() as tasks:
        with anyio.CancelScope() as body:
            await tasks.start(_listen, stop, body)
            yield stop


async def _listen(
    stop: Stop, body: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    # The listener outlives the body's cancellation: the second SIGINT comes while the body ends.
    with anyio.open_signal_receiver(*wanted) as received:
        task_status.started()
        async for number in received:
            if stop.signal is not None and number == signal.SIGINT:
                process.kill_all()
                os._exit(INTERRUPTED)
            stop.signal = stop.signal or number
            body.cancel()
