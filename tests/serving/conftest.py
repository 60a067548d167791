"""A pipe that can be full, closed, or read late."""

import os
from collections.abc import Iterator
from io import FileIO

import pytest


class Pipe:
    """A pipe whose writing end is a raw stream, as sys.stdout's is."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.writer = FileIO(writer, "w")

    def fill(self) -> int:
        """Write until no byte fits any more, and leave the pipe blocking as it was."""
        os.set_blocking(self.writer.fileno(), False)
        size = 0
        while (written := self.writer.write(b"x")) is not None:
            size += written
        os.set_blocking(self.writer.fileno(), True)
        return size

    def read(self, size: int = 1 << 20) -> bytes:
        return os.read(self.reader, size)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.writer.close()
    if pipe.reader >= 0:
        os.close(pipe.reader)
