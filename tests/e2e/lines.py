"""The lines that a process prints, awaited one by one."""

import queue
import re
import threading
from typing import IO

import pytest

PATIENCE = 30.0
"""Seconds after which something awaited fails the test; nothing waits so long when all is well."""


class Lines:
    """The lines of a stream as they come: a thread reads them, and a test waits for them with a deadline."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.seen: list[str] = []
        self._coming: list[str | None] = []  # at most one: the next line; the end stays
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._lines.put(line.decode().removesuffix("\n"))
        self._lines.put(None)

    def next(self) -> str | None:
        """The next line, None at the end of the stream."""
        if not self._coming and not self.come(PATIENCE):
            pytest.fail(self._said(f"no further line within {PATIENCE:g} s"))
        line = self._coming[0]
        if line is not None:
            self.seen.append(line)
            self._coming.clear()
        return line

    def come(self, seconds: float) -> bool:
        """Whether a line, or the end, comes within so many seconds; it is then the next."""
        if not self._coming:
            try:
                self._coming.append(self._lines.get(timeout=seconds))
            except queue.Empty:
                return False
        return True

    def until(self, beginning: str) -> list[str]:
        """The lines up to and with the first that matches the regular expression."""
        found: list[str] = []
        while (line := self.next()) is not None:
            found.append(line)
            if re.match(beginning, line):
                return found
        raise AssertionError(self._said(f"the stream ended before a line that matches {beginning!r}"))

    def rest(self) -> list[str]:
        """The lines that are left, to the end of the stream."""
        found: list[str] = []
        while (line := self.next()) is not None:
            found.append(line)
        return found

    def _said(self, why: str) -> str:
        return "\n".join([f"{why}; so far:", *self.seen])
