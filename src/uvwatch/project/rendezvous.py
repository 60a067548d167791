"""Where the programs of one environment meet: its locks and its socket, in a directory of this user alone.

They are named by a hash of the environment's real path, and do not lie inside it: ``uv venv --clear`` deletes all that
does, a held lock included. Client and daemon find them by this one rule; a daemon that was started with other variables
(by a service manager, over ssh, in a nix-shell) is found by the pointer that it leaves in the environment. It must not
know what they are for.
"""

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from uvwatch.errors import Fatal

LONGEST = 103
"""Bytes that the path of a Unix socket may have: ``sun_path`` has 104 on macOS and 108 on Linux, with the final NUL."""

POINTER = ".uvwatch/runtime-directory"
"""The file in an environment that names the runtime directory of the daemon that keeps it."""

_NAME = 16
_PRIME = 2**64 - 59
_TEMPORARY = "/tmp"  # noqa: S108 - the owner and the mode of the directory below it are checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendezvous:
    """An environment, the locks of its one daemon and of whoever updates, its pid, its socket, as absolute paths."""

    environment: Path
    instance: Path
    update: Path
    pid: Path
    socket: Path

    @property
    def pointer(self) -> Path:
        """The file that says to whom it may concern in which directory the others lie."""
        return self.environment / POINTER


def rendezvous_of(environment: Path, environ: Mapping[str, str]) -> Rendezvous:
    """Find the meeting place of an environment, which need not exist yet: where its daemon is, else where one would be.

    Raises:
        Fatal: as ``runtime_directory``.
    """
    return by_pointer(environment) or rendezvous_in(runtime_directory(environ), environment)


def by_pointer(environment: Path) -> Rendezvous | None:
    """Find the meeting place where a daemon is that left its pointer; None where there is no pointer, or no daemon.

    The pointer is followed to a directory of this user alone, and if the lock that it leads to is held: then a process
    of this user does, whoever wrote the pointer.
    """
    directory = _pointed_to(environment / POINTER)
    if directory is None:
        return None
    place = rendezvous_in(directory, environment)
    return place if is_held(place.instance) else None


def rendezvous_in(directory: Path, environment: Path) -> Rendezvous:
    """Name the files of an environment in a directory that was found before."""
    name = _fingerprint(os.fsencode(os.path.realpath(environment)))
    return Rendezvous(
        environment=environment,
        instance=directory / f"{name}.instance",
        update=directory / f"{name}.update",
        pid=directory / f"{name}.pid",
        socket=directory / f"{name}.sock",
    )


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock; to ask is to have it for an instant, if nobody does."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _pointed_to(pointer: Path) -> Path | None:
    """Read a pointer: a directory of this user alone that a file of this user alone names; None where there is none."""
    try:
        written = pointer.lstat()
        if not stat.S_ISREG(written.st_mode) or written.st_uid != os.getuid() or written.st_mode & 0o077:
            return None
        directory = Path(os.fsdecode(pointer.read_bytes()))
        whole = directory.is_absolute() and _fits(directory)
        return directory if whole and _is_private(directory, os.getuid()) else None
    except (OSError, ValueError):  # ValueError: a null byte
        return None


def _fingerprint(path: bytes) -> str:
    """Sixteen digits that differ where paths do: hashlib would load OpenSSL, and a client is asked often.

    The remainder by a prime of 64 bits is the same by chance alone (Rabin's fingerprint), and never for paths that
    differ within seven bytes.
    """
    return f"{int.from_bytes(b'x' + path, 'big') % _PRIME:0{_NAME}x}"


def runtime_directory(environ: Mapping[str, str], *, user: int | None = None) -> Path:
    """Find or make the directory for one user alone: below ``XDG_RUNTIME_DIR``, else in the temporary directory.

    A place whose sockets would have too long a path is passed over.

    Args:
        environ: the environment variables.
        user: whose directory it must be, by number; that of this process where it is None.

    Raises:
        Fatal: it belongs to somebody else, or others may write to it, or it cannot be made.
    """
    owner = os.getuid() if user is None else user
    directory = next(each for each in _candidates(environ, owner) if _fits(each))
    try:
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        private = _is_private(directory, owner)
    except OSError as error:
        raise Fatal(f"{directory}: cannot keep locks there ({error.strerror}); set XDG_RUNTIME_DIR") from error
    if not private:
        raise Fatal(f"{directory} is not a directory of yours alone; remove it, or set XDG_RUNTIME_DIR")
    return directory


def _is_private(directory: Path, owner: int) -> bool:
    found = directory.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077


def _candidates(environ: Mapping[str, str], owner: int) -> Iterator[Path]:
    if given := environ.get("XDG_RUNTIME_DIR"):
        yield Path(given, "uvwatch")
    # As tempfile has it, which is slow to import: a client is asked often.
    given = environ.get("TMPDIR")
    if given and Path(given).is_dir():
        yield Path(given, f"uvwatch-{owner}")
    yield Path(_TEMPORARY, f"uvwatch-{owner}")


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory)) + len("/.sock") + _NAME <= LONGEST
