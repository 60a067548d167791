"""Where clients' wishes wait for the daemon: barriers for its next look, holds for as long as it may not update.

It knows who waits and who holds, and keeps one promise: no hold begins while an update runs, and none runs in a hold.
It must not know sockets, nor how an update is made.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from uvwatch.core.model import CycleFinished, CycleStarted, Event, HoldEnded, HoldStarted
from uvwatch.errors import Fatal
from uvwatch.serving.protocol import Wishes

Answer = CycleStarted | CycleFinished | Fatal
"""What a barrier hears: begins and the end of the cycle that made it true, or why there can be none."""

_ANSWERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Who holds: the process and its argv."""

    pid: int | None
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """Callers whom the same look and the same update satisfy."""

    wishes: Wishes
    callers: tuple[MemoryObjectSendStream[Answer], ...]

    def tell(self, answer: Answer) -> None:
        """Tell all callers, as far as they are still there."""
        for caller in self.callers:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.WouldBlock):
                caller.send_nowait(answer)

    def close(self) -> None:
        """Let all callers go."""
        for caller in self.callers:
            caller.close()


class Desk:
    """Takes wishes at any time, and hands them out between two updates.

    Until the first ``rest`` the daemon counts as working.

    Args:
        nudge: wakes the daemon.
        publish: tells an event.
    """

    def __init__(self, nudge: Callable[[], None], publish: Callable[[Event], None]) -> None:
        self._nudge = nudge
        self._publish = publish
        self._asked: list[tuple[Wishes, MemoryObjectSendStream[Answer]]] = []
        self._holds: list[Hold] = []
        self._working = True
        self._rested = anyio.Event()
        self._released = anyio.Event()

    @property
    def asked(self) -> bool:
        """Whether a barrier waits for a look."""
        return bool(self._asked)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Who holds, or is about to, the first first."""
        return tuple(self._holds)

    def ask(self, wishes: Wishes) -> MemoryObjectReceiveStream[Answer]:
        """Wait for a look that begins from now on; the stream ends without an end of a cycle if the daemon does."""
        send, receive = anyio.create_memory_object_stream[Answer](_ANSWERS)
        self._asked.append((wishes, send))
        self._nudge()
        return receive

    def close(self) -> None:
        """Let all go who wait for a look: there will be none."""
        for _wishes, caller in self._asked:
            caller.close()
        self._asked = []

    @contextmanager
    def work(self) -> Iterator[Barrier | None]:
        """Look and update: whom it is for, None if nobody asked. No hold begins before ``rest``."""
        self._working = True
        barrier = self._take()
        try:
            yield barrier
        finally:
            if barrier is not None:
                barrier.close()
            self.rest()
            if self._asked:
                self._nudge()

    def _take(self) -> Barrier | None:
        if not self._asked:
            return None
        wishes = self._asked[0][0]
        same = tuple(caller for wished, caller in self._asked if wished == wishes)
        self._asked = [(wished, caller) for wished, caller in self._asked if wished != wishes]
        return Barrier(wishes=wishes, callers=same)

    def rest(self) -> None:
        """The update is over: holds may begin."""
        self._working = False
        self._rested.set()
        self._rested = anyio.Event()

    @asynccontextmanager
    async def hold(self, hold: Hold) -> AsyncIterator[None]:
        """Hold updates for as long as the body runs; an update that runs is waited for."""
        self._holds.append(hold)
        began = False
        try:
            while self._working:
                await self._rested.wait()
            self._nudge()
            began = True
            self._publish(HoldStarted(command=hold.command))
            yield
        finally:
            # By identity: two holds may be equal.
            self._holds = [each for each in self._holds if each is not hold]
            if began:
                self._publish(HoldEnded(command=hold.command))
            if not self._holds:
                self._released.set()

    async def released(self) -> None:
        """Return once nobody holds."""
        while self._holds:
            self._released = anyio.Event()
            await self._released.wait()
