"""``uvwatch watch`` in a terminal: the frozen lines scroll, and a live line below them says what goes on."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pyte
import pytest

from tests.e2e.conftest import COMMAND, Project
from tests.e2e.lines import PATIENCE


class Watched:
    """A daemon in a pseudo-terminal of 80 columns, and the screen that its user sees."""

    def __init__(self, project: Project) -> None:
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self._descriptor, other = pty.openpty()
        self.process = subprocess.Popen(
            [COMMAND, "watch"],
            cwd=project.root,
            env={**project.env, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    @property
    def lines(self) -> list[str]:
        """The screen without trailing blanks."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    def until(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """The screen once it shows what is asked for."""
        deadline = time.monotonic() + PATIENCE
        while not seen(self.lines):
            readable, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
            data = self._read() if readable else b""
            if not data:
                pytest.fail("the screen never showed it:\n" + "\n".join(self.lines))
            self._stream.feed(data)
        return self.lines

    def rest(self) -> list[str]:
        """The screen after the end of the program."""
        while data := self._read():
            self._stream.feed(data)
        return self.lines

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, 65536)
        except OSError:  # Linux: the program was the last that held the terminal
            return b""

    def close(self) -> None:
        """End what still runs."""
        self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._descriptor)


@pytest.fixture
def watched(tiny: Project) -> Iterator[Watched]:
    """The daemon of ``tiny``, once it is ready."""
    with contextlib.closing(Watched(tiny)) as daemon:
        daemon.until(lambda lines: "uvwatch: ready, " in "\n".join(lines))
        yield daemon


def test_the_live_line_is_the_last_and_is_gone_when_the_program_has_ended(tiny: Project, watched: Watched) -> None:
    lines = watched.until(lambda lines: lines[-1].startswith("idle"))
    assert [line.split(" ")[1].rstrip(":,") for line in lines[:-1]] == ["updating", "unchanged", "ready"]

    tiny.edit("src/tiny/__init__.py", "one", "two")
    lines = watched.until(lambda lines: len(lines) == 6 and lines[-1].startswith("idle"))
    assert lines[3] == "uvwatch: updating tiny: 1 file changed (src/tiny/__init__.py)"
    assert lines[4].startswith("uvwatch: updated tiny in ")

    watched.process.send_signal(signal.SIGTERM)
    lines = watched.rest()
    assert watched.process.wait(PATIENCE) == 0
    assert lines[5:] == ["uvwatch: stopped"]
    assert all(line.startswith("uvwatch: ") for line in lines)
