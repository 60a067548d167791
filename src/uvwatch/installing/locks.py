"""Who may watch, and who may update: two file locks for each environment.

*instance* is held for the life of a daemon, *update* for one update by whoever makes it. They lie in the user's runtime
directory, named by a hash of the environment's real path, because ``uv venv --clear`` deletes all that lies inside the
environment, a held lock included.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from uvwatch.errors import Fatal

POLL = 0.01
"""Seconds between two tries to take the update lock."""


def runtime_directory(environ: Mapping[str, str]) -> Path:
    """Find or make the directory for locks, for this user alone.

    Raises:
        Fatal: it belongs to somebody else, or others may write to it, or it cannot be made.
    """
    given = environ.get("XDG_RUNTIME_DIR")
    directory = Path(given, "uvwatch") if given else Path(tempfile.gettempdir(), f"uvwatch-{os.getuid()}")
    try:
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        found = directory.lstat()
    except OSError as error:
        raise Fatal(f"{directory}: cannot keep locks there ({error.strerror}); set XDG_RUNTIME_DIR") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Fatal(f"{directory} is not a directory of yours alone; remove it, or set XDG_RUNTIME_DIR")
    return directory


class Locks:
    """The two locks of one environment."""

    def __init__(self, directory: Path, environment: Path) -> None:
        name = hashlib.sha256(os.fsencode(os.path.realpath(environment))).hexdigest()[:16]
        self._instance = FileLock(directory / f"{name}.instance", timeout=0, thread_local=False)
        self._update = FileLock(directory / f"{name}.update", timeout=0, thread_local=False)
        self._pid = directory / f"{name}.pid"

    @contextlib.contextmanager
    def instance(self) -> Iterator[None]:
        """Be the daemon of this environment.

        Raises:
            Fatal: one runs already; its pid is named, exit status 1.
        """
        try:
            self._instance.acquire()
        except Timeout:
            raise Fatal(f"uvwatch runs already for this environment ({self._who()})", exit_code=1) from None
        try:
            self._pid.write_text(str(os.getpid()), encoding="ascii")
            yield
        finally:
            with contextlib.suppress(OSError):
                self._pid.unlink()
            self._instance.release()

    @contextlib.asynccontextmanager
    async def update(self) -> AsyncIterator[None]:
        """Be the only one who updates this environment; waits for its turn."""
        while True:
            try:
                self._update.acquire()
                break
            except Timeout:
                await anyio.sleep(POLL)
        try:
            yield
        finally:
            self._update.release()

    def _who(self) -> str:
        try:
            return f"pid {self._pid.read_text(encoding='ascii')}"
        except OSError:
            return "it is just starting"
