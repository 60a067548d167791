"""Who may watch, and who may update: two file locks for each environment.

*instance* is held for the life of a daemon, *update* for one update by whoever makes it. Where they lie
``project.rendezvous`` says.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator

import anyio
from filelock import FileLock, Timeout

from uvwatch.errors import AlreadyRunningError
from uvwatch.project.rendezvous import Rendezvous

POLL = 0.01
"""Seconds between two tries to take the update lock."""

PROBED = 0.2
"""Seconds for which a daemon tries to be the one: a client that asks whether one runs has the lock for an instant."""


class Locks:
    """The two locks of one environment."""

    def __init__(self, rendezvous: Rendezvous) -> None:
        self._instance = FileLock(rendezvous.instance, timeout=PROBED, poll_interval=POLL, thread_local=False)
        self._update = FileLock(rendezvous.update, timeout=0, thread_local=False)
        self._pid = rendezvous.pid

    @contextlib.contextmanager
    def instance(self) -> Iterator[None]:
        """Be the daemon of this environment.

        Raises:
            AlreadyRunningError: one does; its pid is named, exit status 1.
        """
        try:
            self._instance.acquire()
        except Timeout:
            raise AlreadyRunningError(f"uvwatch runs already for this environment ({self._who()})") from None
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
