"""Who may watch, and who may update: two file locks for each environment.

*instance* is held for the life of a daemon, *update* for one update by whoever makes it. Where they lie
``project.rendezvous`` says; the daemon leaves a pointer to it in the environment, for those who have other variables.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from uvwatch.errors import AlreadyRunningError, Fatal
from uvwatch.project.rendezvous import Rendezvous, by_pointer

POLL = 0.01
"""Seconds between two tries to take the update lock."""

PROBED = 0.2
"""Seconds for which a daemon tries to be the one: a client that asks whether one runs has the lock for an instant."""


class Locks:
    """The two locks of one environment."""

    def __init__(self, rendezvous: Rendezvous) -> None:
        self._instance = FileLock(rendezvous.instance, timeout=PROBED, poll_interval=POLL, thread_local=False)
        self._update = FileLock(rendezvous.update, timeout=0, thread_local=False)
        self._place = rendezvous

    @contextlib.contextmanager
    def instance(self) -> Iterator[None]:
        """Be the daemon of this environment.

        Raises:
            AlreadyRunningError: one does; its pid is named, exit status 1.
            Fatal: the lock cannot be had at all.
        """
        try:
            self._instance.acquire()
        except Timeout:
            raise _already(self._place) from None
        except OSError as error:
            raise _not_lockable(self._place.instance, error) from error
        try:
            if (other := self._elsewhere()) is not None:
                raise _already(other)
            with contextlib.suppress(OSError):  # a full disk: it is there for naming alone
                self._place.pid.write_text(str(os.getpid()), encoding="ascii")
            self._point()
            yield
        finally:
            with contextlib.suppress(OSError):
                self._place.pid.unlink()
            self._point_no_more()
            self._instance.release()

    @contextlib.asynccontextmanager
    async def update(self) -> AsyncIterator[None]:
        """Be the only one who updates this environment; waits for its turn.

        Raises:
            Fatal: the lock cannot be had at all.
        """
        while True:
            try:
                self._update.acquire()
                break
            except Timeout:
                await anyio.sleep(POLL)
            except OSError as error:
                raise _not_lockable(self._place.update, error) from error
        try:
            yield
            if self._instance.is_locked:
                self._point()  # the environment may have been made anew
        finally:
            self._update.release()

    def _elsewhere(self) -> Rendezvous | None:
        """Find the daemon that meets in another runtime directory than this one."""
        found = by_pointer(self._place.environment)
        return None if found is None or found.instance.samefile(self._place.instance) else found

    def _point(self) -> None:
        """Leave the pointer; one that cannot be written costs those alone who have other variables."""
        directory, pointer = os.fsencode(self._place.instance.parent.absolute()), self._place.pointer
        with contextlib.suppress(OSError):
            if _read(pointer) == directory or not (self._place.environment / "pyvenv.cfg").exists():
                return
            pointer.parent.mkdir(exist_ok=True)
            partial = pointer.with_suffix(f".{os.getpid()}")
            partial.unlink(missing_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, of its own mode from the start
                file.write(directory)
            partial.replace(pointer)

    def _point_no_more(self) -> None:
        """Take the pointer away, but not another's; and the directory, if nothing else was to be left in it."""
        pointer = self._place.pointer
        with contextlib.suppress(OSError):
            if _read(pointer) == os.fsencode(self._place.instance.parent.absolute()):
                pointer.unlink()
                pointer.parent.rmdir()


def _not_lockable(lock: Path, error: OSError) -> Fatal:
    return Fatal(f"{lock}: cannot be locked ({error.strerror}); make room there, or set XDG_RUNTIME_DIR")


def _read(pointer: Path) -> bytes | None:
    try:
        return pointer.read_bytes()
    except OSError:
        return None


def _already(place: Rendezvous) -> AlreadyRunningError:
    try:
        who = f"pid {place.pid.read_text(encoding='ascii')}"
    except OSError:
        who = "it is just starting"
    return AlreadyRunningError(f"uvwatch runs already for this environment ({who})")
