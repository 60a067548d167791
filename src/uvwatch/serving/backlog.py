"""stdout whose reader may fall behind, without anybody waiting for it: lines wait in order, up to a bound.

It knows how long a line waits. It must not know what is written.
"""

from collections import deque
from collections.abc import Callable

import anyio

from uvwatch.serving.stream import CHUNK, OutLines, Sink, StdoutClosed, closed_is_told, encoded, ready

WAITING_AT_MOST = 1 << 20
"""Bytes of lines that may wait for a reader of stdout before further ones are dropped: thousands of cycles."""


class Backlog(OutLines):
    """Lines that are written before ``line`` returns or, while ``run`` runs, wait in order behind it.

    Args:
        sink: where lines go; None is a closed stdout.
        tell: takes a sentence about lines that were dropped.
    """

    def __init__(self, sink: Sink | None, *, tell: Callable[[str], None] = lambda _sentence: None) -> None:
        super().__init__(sink)
        self._tell = tell
        self._waiting: deque[memoryview] | None = None
        self._size = 0
        self._dropped = 0
        self._wake = anyio.Event()

    @property
    def behind(self) -> bool:
        """Whether something waits for the reader."""
        return bool(self._waiting)

    def write(self, text: str) -> None:
        """Write text as it stands; waits for a slow reader unless ``run`` does.

        Raises:
            StdoutClosed: it cannot be written.
        """
        if self._waiting is None or self.sink is None:
            super().write(text)
        elif self._size > WAITING_AT_MOST:
            if not self._dropped:
                self._tell("nobody reads stdout: further lines are dropped until somebody does")
            self._dropped += 1
        else:
            data = memoryview(encoded(text))
            self._waiting.append(data)
            self._size += len(data)
            self._pass_on(patience=0.0)
            self._wake.set()

    async def run(self) -> None:
        """From now on let no write wait, and pass on what waits as it is read. Ends by cancellation.

        Raises:
            StdoutClosed: what waited cannot be written.
        """
        self._waiting = deque()
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            while self._waiting and self.sink is not None:
                await anyio.wait_writable(self.sink.fileno())
                self._pass_on(patience=0.0)

    def finish(self, patience: float | None) -> None:
        """Write what still waits for a reader.

        Args:
            patience: seconds after which the rest is dropped; None waits for as long as it takes.

        Raises:
            StdoutClosed: it cannot be written.
        """
        if not self._waiting:
            return
        self._pass_on(patience=patience)
        if self._waiting:
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._size = 0
        self._tell_dropped()

    def _pass_on(self, *, patience: float | None) -> None:
        """Write what waits, for so long as the reader takes something within ``patience`` seconds."""
        while self._waiting:
            if self.sink is None or not ready(self.sink, patience):
                return
            try:
                with closed_is_told():
                    written = self.sink.write(self._waiting[0][:CHUNK]) or 0
                    self.sink.flush()
            except StdoutClosed:
                # Said once; nothing waits for a reader that is gone.
                self.sink = None
                self._waiting.clear()
                self._size = 0
                raise
            self._size -= written
            self._waiting[0] = self._waiting[0][written:]
            if not self._waiting[0]:
                self._waiting.popleft()
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._tell(f"stdout was not read: {self._dropped} lines were dropped")
            self._dropped = 0
