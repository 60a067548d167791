"""Lines into a file descriptor: stdout loses none and says when it is closed, stderr never hurts the program.

It knows how writes go wrong. It must not know what is written.
"""

import select
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Lock
from typing import Protocol, TextIO

from uvwatch.errors import UvwatchError

_CHUNK = 512
"""PIPE_BUF of POSIX: a write of at most so many bytes does not block on a pipe that select calls writable."""

_PATIENCE = 0.2
"""Seconds that a line for stderr waits, once, for a reader that has fallen behind."""


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
    """stdout: every line is written as UTF-8 and flushed before ``line`` returns."""

    def __init__(self, sink: Sink | None) -> None:
        self._sink = sink

    def line(self, text: str) -> None:
        """Write one line.

        Raises:
            StdoutClosed: it cannot be written.
        """
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write text as it stands, waiting for a slow reader.

        Raises:
            StdoutClosed: it cannot be written.
        """
        if self._sink is None:
            raise StdoutClosed("stdout is closed")
        data = memoryview(_encoded(text))
        try:
            while data:
                written = self._sink.write(data)
                if written is None:
                    # Another program that shares the terminal made it non-blocking (Node.js does).
                    select.select([], [self._sink], [])
                else:
                    data = data[written:]
            self._sink.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream object was closed
            raise StdoutClosed(f"stdout is closed: {error}") from error


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
        try:
            descriptor = sink.fileno()
        except OSError:
            return True  # in memory (io.UnsupportedOperation)
        _, writable, _ = select.select([], [descriptor], [], self._patience)
        self._patience = _PATIENCE if writable else 0.0
        return bool(writable)


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
