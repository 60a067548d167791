"""Lines into a file descriptor: stdout loses none and says when it is closed, stderr never hurts the program.

It knows how writes go wrong. It must not know what is written.
"""

import errno
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import UnsupportedOperation
from threading import Lock
from typing import Protocol, TextIO

from uvwatch.errors import UvwatchError

CHUNK = 512
"""PIPE_BUF of POSIX: a write of at most so many bytes does not block on a pipe that select calls writable."""

_PATIENCE = 0.2
"""Seconds that a line for stderr waits, once, for a reader that has fallen behind."""


UNWRITTEN: list[OSError] = []
"""What kept lines from a stdout that somebody wanted to have them; who began the program tells it at the end."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


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
    """stdout: every line is written as UTF-8 and flushed before ``line`` returns; ``sink`` None is a closed stdout."""

    def __init__(self, sink: Sink | None) -> None:
        self.sink = sink

    @property
    def behind(self) -> bool:
        """Whether something waits for the reader: never, for who writes waits (but see ``backlog``)."""
        return False

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
        if self.sink is None:
            raise StdoutClosed("stdout is closed")
        data = memoryview(encoded(text))
        with closed_is_told():
            while data:
                written = self.sink.write(data)
                if written is None:
                    # Another program that shares the terminal made it non-blocking (Node.js does).
                    select.select([], [self.sink], [])
                else:
                    data = data[written:]
            self.sink.flush()


@contextmanager
def closed_is_told() -> Iterator[None]:
    """Turn whatever a write to a closed stdout raises into one error.

    Raises:
        StdoutClosed: instead of ``OSError`` and, for a stream object that was closed, ``ValueError``.
    """
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: the stream object was closed
        note_full(error)
        raise StdoutClosed(f"stdout is closed: {error}") from error


def empty(stream: TextIO | None) -> bool:
    """Flush a standard stream, and whether that went well; what it cannot write is dropped, once and for all.

    Else the interpreter would try again when it ends, and change the exit status to 120.
    """
    if stream is None or stream.closed:
        return True
    try:
        stream.flush()
    except OSError as error:
        if stream is sys.stdout:
            note_full(error)
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
        return False
    return True


def note_full(error: Exception) -> bool:
    """Take note of an error of stdout if it says that the disk is full, and whether it does."""
    if isinstance(error, OSError) and error.errno in _FULL:
        UNWRITTEN.append(error)
        return True
    return False


def ready(sink: Sink, patience: float | None) -> bool:
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
            self._write(memoryview(encoded(text + "\n")))

    def _write(self, data: memoryview) -> None:
        if self.sink is None:
            return
        while data and self._writable(self.sink):
            written = self.sink.write(data[:CHUNK])
            data = data[written or 0 :]
        self.sink.flush()

    def _writable(self, sink: Sink) -> bool:
        writable = ready(sink, self._patience)
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


def encoded(text: str) -> bytes:
    """What is written of a text: UTF-8, and bytes that are not as an escape."""
    return text.encode("utf-8", "backslashreplace")
