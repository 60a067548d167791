"""Lines into a file descriptor: stdout loses none and says when it is closed, stderr never hurts the program.

It knows how writes go wrong. It must not know what is written.
"""

import select
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import UnsupportedOperation
from threading import Lock
from typing import Protocol, TextIO

import anyio

from uvwatch.errors import UvwatchError

_CHUNK = 512
"""PIPE_BUF of POSIX: a write of at most so many bytes does not block on a pipe that select calls writable."""

_PATIENCE = 0.2
"""Seconds that a line for stderr waits, once, for a reader that has fallen behind."""

WAITING_AT_MOST = 1 << 20
"""Bytes of lines that may wait for a reader of stdout before further ones are dropped: thousands of cycles."""


class StdoutClosed(UvwatchError):
    """Nobody reads stdout any more: for the daemon the wish to stop, cleanly."""


class Sink(Protocol):
    """The part of a raw binary stream that is used here; ``write`` gives None where it would block."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Write what fits."""

    def flush(self) -> None:
        """Pass on what a buffer holds."""

    def fileno(self) -> int:
        """Give the descriptor."""


class OutLines:
    """stdout: every line is written as UTF-8 and flushed before ``line`` returns, or waits in order behind ``run``.

    Args:
        sink: where lines go; None is a closed stdout.
        tell: takes a sentence about lines that were dropped.
    """

    def __init__(self, sink: Sink | None, *, tell: Callable[[str], None] = lambda _sentence: None) -> None:
        self._sink = sink
        self._tell = tell
        self._waiting: deque[memoryview] | None = None
        self._size = 0
        self._dropped = 0
        self._wake = anyio.Event()

    @property
    def behind(self) -> bool:
        """Whether something waits for the reader."""
        return bool(self._waiting)

    def line(self, text: str) -> None:
        """Write one line.

        Raises:
            StdoutClosed: it cannot be written.
        """
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write text as it stands; waits for a slow reader unless ``run`` does.

        Raises:
            StdoutClosed: it cannot be written.
        """
        data = memoryview(_encoded(text))
        if self._waiting is None:
            self._write_all(data)
        elif self._size > WAITING_AT_MOST:
            if not self._dropped:
                self._tell("nobody reads stdout: further lines are dropped until somebody does")
            self._dropped += 1
        else:
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
            while self._waiting and self._sink is not None:
                await anyio.wait_writable(self._sink.fileno())
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
            with _closed_is_told():
                if self._sink is None or not _ready(self._sink, patience):
                    return
                written = self._sink.write(self._waiting[0][:_CHUNK]) or 0
                self._sink.flush()
            self._size -= written
            self._waiting[0] = self._waiting[0][written:]
            if not self._waiting[0]:
                self._waiting.popleft()
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._tell(f"stdout was not read: {self._dropped} lines were dropped")
            self._dropped = 0

    def _write_all(self, data: memoryview) -> None:
        if self._sink is None:
            raise StdoutClosed("stdout is closed")
        with _closed_is_told():
            while data:
                written = self._sink.write(data)
                if written is None:
                    # Another program that shares the terminal made it non-blocking (Node.js does).
                    select.select([], [self._sink], [])
                else:
                    data = data[written:]
            self._sink.flush()


@contextmanager
def _closed_is_told() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: the stream object was closed
        raise StdoutClosed(f"stdout is closed: {error}") from error


def _ready(sink: Sink, patience: float | None) -> bool:
    """Whether a chunk can be written without waiting, now or within so many seconds."""
    try:
        descriptor = sink.fileno()
    except UnsupportedOperation:
        return True  # in memory
    return bool(select.select([], [descriptor], [], patience)[1])


class ErrLines:
    """stderr: a line that cannot be written is lost; a reader that does not read delays once, and shortly.

    Attributes:
        sink: where lines go; None drops them.
        guard: entered around each line, so that the terminal's live line can step aside.
    """

    def __init__(self, sink: Sink | None) -> None:
        self.sink = sink
        self.guard: Callable[[], AbstractContextManager[None]] = nullcontext
        self._patience = _PATIENCE
        # Threads log too, and a long line takes several writes.
        self._lock = Lock()

    def line(self, text: str) -> None:
        """Write one line (or several, joined by newlines)."""
        with self.guard(), self._lock, suppress(OSError, ValueError):
            self._write(memoryview(_encoded(text + "\n")))

    def _write(self, data: memoryview) -> None:
        if self.sink is None:
            return
        while data and self._writable(self.sink):
            written = self.sink.write(data[:_CHUNK])
            data = data[written or 0 :]
        self.sink.flush()

    def _writable(self, sink: Sink) -> bool:
        writable = _ready(sink, self._patience)
        self._patience = _PATIENCE if writable else 0.0
        return writable


def sink_of(stream: TextIO | None) -> Sink | None:
    """Give the unbuffered binary stream below a text stream; None if it is closed.

    Unbuffered, because a buffer keeps what a closed pipe refused and fails once more when the interpreter ends.
    """
    if stream is None or stream.closed:
        return None
    with suppress(OSError):
        stream.flush()
    raw: Sink = getattr(stream.buffer, "raw", stream.buffer)
    return raw


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
