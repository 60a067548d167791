"""The place of the demonstration: a copy of the example, its environment, honcho with two processes, the web server.

Knows how to make and end these and how to look at them; knows no step and judges nothing.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import uv

TOP = Path(__file__).resolve().parent.parent
EXAMPLE = TOP / "tests" / "projects" / "django_static"
MARKER = "made-by-scripts-demo"
"""Stands in a directory that a demonstration may delete."""

LINE = re.compile(r"^\d\d:\d\d:\d\d (?P<process>\S+) +\| (?P<text>.*)$")
STARTED = re.compile(r"started \(pid=(\d+)\)")


class DemoError(Exception):
    """The demonstration cannot go on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything is: ``home`` holds the example in ``project`` and the server's working directory ``server``."""

    home: Path

    @property
    def project(self) -> Path:
        """The source tree of the example."""
        return self.home / "project"

    @property
    def package(self) -> Path:
        """The package in the source tree."""
        return self.project / "myapp"

    @property
    def installed(self) -> Path:
        """The package in the environment.

        Raises:
            DemoError: it is not installed there.
        """
        for directory in self.project.glob(".venv/lib/python*/site-packages/myapp"):
            return directory
        raise DemoError(f"myapp is not installed in {self.project / '.venv'}")

    def run(self, *argv: str) -> str:
        """Run a command in the source tree and return what it printed.

        Raises:
            DemoError: it failed.
        """
        done = subprocess.run(
            argv, cwd=self.project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            raise DemoError(f"{' '.join(argv)} failed with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def sync(self) -> None:
        """Run what a developer would try first; it says that all is well and leaves the old copy."""
        self.run(uv.find_uv_bin(), "sync", "--no-editable")

    def manage(self, *argv: str) -> str:
        """Run ``python manage.py`` in the source tree, as a developer does."""
        return self.run(str(self.project / ".venv" / "bin" / "python"), "manage.py", *argv)


def prepare(stage: Stage) -> None:
    """Make the example anew in ``stage.home`` and install it, not editable.

    Raises:
        DemoError: the directory holds something that is not a demonstration's.
    """
    home = stage.home
    if home.is_dir() and any(home.iterdir()) and not (home / MARKER).exists():
        raise DemoError(f"{home} is not empty and was not made by scripts/demo; name another with UVWATCH_DEMO")
    shutil.rmtree(home, ignore_errors=True)
    (home / "server").mkdir(parents=True)
    (home / MARKER).touch()
    shutil.copytree(
        EXAMPLE, stage.project, ignore=shutil.ignore_patterns(".venv", "__pycache__", "staticfiles", "uv.lock")
    )
    stage.run("git", "init", "--quiet")
    stage.run(uv.find_uv_bin(), "lock")
    stage.sync()


def contents(directory: Path) -> dict[str, bytes]:
    """All files under a directory by their relative path, but bytecode."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def equal(stage: Stage) -> bool:
    """Whether the installed package holds the same files as the source tree, byte for byte."""
    try:
        return contents(stage.package) == contents(stage.installed)
    except FileNotFoundError:  # something is being written at this moment
        return False


Stamps = Mapping[Path, tuple[int, int]]
"""Inode and time of the last change (``st_ctime_ns``) of files: as the kernel records it: more exact than polling."""


def stamps(*roots: Path) -> Stamps:
    """Return the stamps of files, and of all files under directories, but bytecode."""
    files = (path for root in roots for path in (root, *root.rglob("*")) if "__pycache__" not in path.parts)
    return {path: (found.st_ino, found.st_ctime_ns) for path in files if path.is_file() and (found := path.stat())}


def last_write(before: Stamps, after: Stamps) -> int | None:
    """When the last file that differs was written or removed, in nanoseconds since the epoch; None if none differs."""
    written = [stamp[1] for path, stamp in after.items() if before.get(path) != stamp]
    # A removed file has no record of its own; its directory has.
    emptied = {path.parent for path in before.keys() - after.keys()}
    return max(written + [path.stat().st_ctime_ns for path in emptied if path.is_dir()], default=None)


def comes_true(condition: Callable[[], bool], patience: float) -> bool:
    """Ask again and again until the condition holds, for ``patience`` seconds at the most; return whether it did."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    """Return a TCP port that is free on loopback at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The example's web server, asked over loopback; ``errors`` has every answer that said that the server failed."""

    port: int
    errors: list[str] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body; status 0 where nobody answers (the server starts, or starts again)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                self.errors.append(f"{path}: {response.status}")
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


class Honcho:
    """honcho with processes of the Procfile; the lines that each printed. Ends what it started, whatever happens."""

    def __init__(self, stage: Stage, port: int, *processes: str) -> None:
        self._lines: list[tuple[str, str]] = []
        self._groups: list[int] = []
        environment = {**os.environ, "UVWATCH_DEMO": str(stage.home), "PYTHONUNBUFFERED": "1"}
        self._honcho = subprocess.Popen(
            [str(TOP / ".venv" / "bin" / "honcho"), "start", "-p", str(port), *processes],
            cwd=TOP,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,  # Ctrl-C reaches the demonstration only, which then ends honcho in order
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._honcho.stdout or ():
            match = LINE.match(line.rstrip("\n"))
            if match is None:
                continue
            if started := STARTED.search(match["text"]):
                self._groups.append(int(started[1]))
            self._lines.append((match["process"], match["text"]))

    def lines(self, process: str) -> list[str]:
        """Return what a process (``web``, ``watch``) printed so far."""
        return [text for name, text in list(self._lines) if name == f"{process}.1"]

    def transcript(self) -> str:
        """Return what honcho printed, but the requests that the server answered, for a report of a failure."""
        return "\n".join(f"{name:8}| {text}" for name, text in list(self._lines) if '"GET /' not in text)

    @property
    def running(self) -> bool:
        """Whether honcho, and so all its processes, runs."""
        return self._honcho.poll() is None

    def close(self) -> None:
        """End honcho, which ends its processes; each is a group of its own, and nothing of it may stay behind."""
        self._honcho.terminate()
        try:
            self._honcho.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._honcho.kill()
            self._honcho.wait()
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
        self._reader.join(timeout=5)
