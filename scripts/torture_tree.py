"""A small project under git with its environment, and a running ``uvwatch watch --json`` beside it.

Knows how to make them, how to compare the tree with the installed copy, and how to wait for the daemon. It knows no
round of the torture and judges nothing.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uv
from torture_copy import read
from torture_writers import fill, write

COMMAND = Path(sys.executable).with_name("uvwatch")
NAME = "pkg"
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "pkg"
version = "1.0"
requires-python = ">=3.10"

[tool.hatch.build.targets.wheel]
only-include = ["pkg"]
artifacts = ["pkg/static"]
"""
IGNORED = ".venv/\npkg/static/\n__pycache__/\n"

HINDERING = ("PYTHON", "UVWATCH", "GIT_", "VIRTUAL_ENV", "UV_NO_EDITABLE", "UV_PROJECT_ENVIRONMENT")
"""What the caller's variables begin with that would make another environment or run another program."""

Event = Mapping[str, Any]
"""One line of ``--json``."""


class TortureError(Exception):
    """The torture itself cannot go on: a command failed, or the daemon ended or fell silent; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A project at ``root`` whose package ``pkg`` is installed as a copy, with generated files in ``pkg/static``."""

    root: Path

    @property
    def package(self) -> Path:
        """The package in the tree."""
        return self.root / NAME

    @property
    def static(self) -> Path:
        """The directory of generated files, which git ignores and the wheel carries."""
        return self.package / "static"

    @property
    def prefix(self) -> Path:
        """The environment."""
        return self.root / ".venv"

    def run(self, *argv: str | Path) -> str:
        """Run a command in the tree and return its stdout.

        Raises:
            TortureError: it failed.
        """
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=self.root,
            env=variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            command = " ".join(str(word) for word in argv)
            raise TortureError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def git(self, *arguments: str) -> str:
        """Run git as somebody with a name."""
        return self.run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments)

    def differences(self) -> list[str]:
        """Say in a sentence each how the installed package is not the tree's, byte for byte, or RECORD not true."""
        tree = contents(self.package)
        try:
            copy = read(self.prefix, NAME)
        except (FileNotFoundError, ValueError) as error:
            return [f"the installed copy is not whole: {error}"]
        (site,) = self.prefix.glob("lib/python*/site-packages")
        installed = contents(site / NAME)
        both = tree.keys() & installed.keys()
        recorded = {path.removeprefix(f"{NAME}/") for path in copy.files if path.startswith(f"{NAME}/")}
        return [
            *(f"not installed: {path!r}" for path in sorted(tree.keys() - installed.keys())),
            *(f"installed and not in the tree: {path!r}" for path in sorted(installed.keys() - tree.keys())),
            *(f"other bytes: {path!r}" for path in sorted(both) if tree[path] != installed[path]),
            *(f"installed and not in RECORD, or the reverse: {path!r}" for path in sorted(recorded ^ installed.keys())),
            *(f"RECORD contradicts {path!r}" for path in copy.broken),
        ]


def make(root: Path, pages: int) -> Place:
    """Make the project with so many files that git tracks, commit it, and install it as a copy.

    Raises:
        TortureError: git or uv failed.
    """
    place = Place(root=root)
    place.static.mkdir(parents=True)
    write(root / "pyproject.toml", PYPROJECT)
    write(root / ".gitignore", IGNORED)
    write(place.package / "__init__.py", 'VALUE = "one"\n')
    for number in range(pages):
        write(place.package / f"page{number}.html", f"{number} main\n")
    fill(place.static, 20, "first")
    place.run("git", "init", "--quiet", "--initial-branch", "main")
    place.run(uv.find_uv_bin(), "lock", "--quiet")
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message", "main")
    place.run(uv.find_uv_bin(), "sync", "--quiet", "--no-editable")
    return place


def variables() -> dict[str, str]:
    """Return the caller's environment variables without those that would lead astray."""
    return {name: value for name, value in os.environ.items() if not name.startswith(HINDERING)}


def contents(directory: Path) -> dict[str, bytes]:
    """All regular files under a directory by their relative path, but bytecode; links are not followed."""
    found = {}
    for top, directories, names in os.walk(directory):
        if "__pycache__" in directories:
            directories.remove("__pycache__")
        for name in names:
            path = Path(top, name)
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(directory).as_posix()] = path.read_bytes()
    return found


@dataclass(slots=True, kw_only=True)
class Watched:
    """A running daemon and the events it told; after ``calm`` seconds of silence it counts as at rest.

    ``told`` is what was read of it so far, ``ready_at`` when it said so, by the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    log: Path
    calm: float
    patience: float
    told: list[Event] = field(default_factory=list)
    ready_at: float = 0.0
    _lines: "queue.SimpleQueue[Event | None]" = field(default_factory=queue.SimpleQueue)
    _open: int = 0

    def follow(self) -> None:
        """Read the daemon's lines in a thread, to the end of the stream."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def next(self, seconds: float) -> Event | None:
        """Return the next event, None if none comes within so many seconds.

        Raises:
            TortureError: the daemon ended.
        """
        try:
            event = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if event is None:
            raise TortureError(f"uvwatch ended with {self.process.wait(self.patience)}:\n{self.said()[-4000:]}")
        self.told.append(event)
        self._open += {"cycle.started": 1, "cycle.finished": -1}.get(event["event"], 0)
        return event

    def ready(self) -> Event:
        """Wait until it watches; return that event."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            event = self.next(1.0)
            if event is not None and event["event"] == "ready":
                self.ready_at = time.monotonic()
                return event
        raise TortureError(f"uvwatch was not ready after {self.patience:g} s:\n{self.said()[-4000:]}")

    def rest(self, place: Place, *, equal: bool = True) -> "Rest":
        """Wait until nothing is told any more and the copy equals the tree; for ``patience`` seconds at the most.

        Where it cannot become equal (``equal=False``), wait for the end of a cycle instead.
        """
        events: list[Event] = []
        deadline = time.monotonic() + self.patience
        while True:
            event = self.next(self.calm)
            late = time.monotonic() > deadline
            if event is not None:
                events.append(event)
                if not late:
                    continue
            if self._open:
                faults = [f"no rest within {self.patience:g} s"]
            elif equal:
                faults = place.differences()
            else:
                ended = any(each["event"] == "cycle.finished" for each in events)
                faults = [] if ended else [f"no cycle within {self.patience:g} s"]
            if late or not faults:
                return Rest(events=tuple(events), differences=tuple(faults))

    def said(self) -> str:
        """What it logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Rest:
    """What was told until the daemon came to rest, and how the copy then differs from the tree."""

    events: tuple[Event, ...]
    differences: tuple[str, ...]

    @property
    def cycles(self) -> list[Event]:
        """The ends of cycles."""
        return [event for event in self.events if event["event"] == "cycle.finished"]

    @property
    def updates(self) -> list[Event]:
        """The cycles that installed anything."""
        return [event for event in self.cycles if event["outcome"] == "updated"]

    @property
    def failures(self) -> list[str]:
        """The messages of failed cycles."""
        return [
            result["error"]["message"] for event in self.cycles for result in event["distributions"] if result["error"]
        ]


@contextlib.contextmanager
def watching(
    place: Place, *, settle: float, patience: float, options: Sequence[str] = (), under: Sequence[str] = ()
) -> Iterator[tuple[Watched, Event]]:
    """Run ``uvwatch watch`` until the end of the block; give it and its ``ready``. No audit heals what was missed.

    Args:
        place: the project.
        settle: the quiet window, in seconds.
        patience: seconds that anything awaited may take.
        options: further options of ``uvwatch watch``.
        under: the words of a program that becomes it, in other circumstances.

    Raises:
        TortureError: it did not begin, ended by itself, or did not end with 0 when asked to.
    """
    log = place.root.with_suffix(".log")
    words = [
        str(COMMAND),
        "watch",
        "--json",
        "-v",
        "--settle",
        str(settle),
        "--audit",
        "0",
        "--build-timeout",
        str(patience),
    ]
    words = [*under, *words, *options]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            words,
            cwd=place.root,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as process,
    ):
        watched = Watched(process=process, log=log, calm=settle + 0.4, patience=patience)
        watched.follow()
        try:
            yield watched, watched.ready()
            process.send_signal(signal.SIGTERM)
            if status := process.wait(patience):
                raise TortureError(f"uvwatch ended with {status} when it was asked to stop")
        finally:
            # The whole group: a build that is left would keep the stream open.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
