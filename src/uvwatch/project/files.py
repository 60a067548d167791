"""What a file holds, and when it must be read again: the one place that stats and hashes.

It knows files by path alone. It must not know what a distribution, a RECORD or a tree is.

A signature proves nothing about a file that was written while, or just before, it was read: a later write within the
same tick of the clock leaves the same times (git calls such an entry racily clean). So a signature that was young
when it was taken is stored with an inode that no file has, and the file is read once more the next time.
"""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping

from uvwatch.core import record
from uvwatch.core.model import Content, Known, Signature

RACY_NS = 50_000_000
"""Nanoseconds for which a change may still share its time stamp with another: the coarsest kernel tick is 10 ms."""

NEVER_EQUAL = -1
"""The inode of a signature that must not be trusted: no file has it."""

_CHUNK = 1 << 20
_ATTEMPTS = 3
DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def signature(st: os.stat_result) -> Signature:
    """What ``st`` says of a file, without any judgement about its age."""
    return Signature(st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino, st.st_mode)


def read(path: str, *, now_ns: Callable[[], int] = time.time_ns) -> Known:
    """The content of the regular file at ``path`` (symbolic links are followed) and the signature at which it was read.

    A file that was written meanwhile is read again; one that does not come to rest is returned as last seen, with a
    signature that never compares equal.

    Args:
        path: the file.
        now_ns: the wall clock, in nanoseconds since the epoch.

    Raises:
        OSError: it is missing, unreadable or not a regular file (a FIFO is never waited for).
    """
    descriptor = os.open(path, _FLAGS)
    try:
        for _ in range(_ATTEMPTS):
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            started = now_ns()
            digest = _digest(descriptor, before.st_size)
            seen = signature(os.fstat(descriptor))
            if seen == signature(before):
                break
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            started = 0
    finally:
        os.close(descriptor)
    if seen.ctime_ns > started - RACY_NS:
        seen = seen._replace(inode=NEVER_EQUAL)
    return Known(seen, Content(digest, executable=bool(seen.mode & stat.S_IXUSR)))


def read_again_if_changed(path: str, known: Known | None) -> Known:
    """``known`` itself if the file at ``path`` still has its signature, else what :func:`read` finds.

    Raises:
        OSError: as :func:`read`.
    """
    if known is not None:
        st = os.stat(path)  # noqa: PTH116 - pathlib costs more than stat
        # A plain tuple equals a Signature of the same fields and is made in half the time.
        if known.signature == (st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino, st.st_mode):
            return known
    return read(path)


def changed_ns(directory: str) -> int:
    """When something was last made or removed in a directory, or in the nearest above it that is there.

    In nanoseconds since the epoch; 0 where that cannot be told.
    """
    while directory and not os.path.lexists(directory):
        directory = directory.rpartition("/")[0]
    try:
        return os.stat(directory).st_ctime_ns  # noqa: PTH116 - as above
    except OSError:
        return 0


def are_as_known(top: str, known: Mapping[str, Known]) -> bool:
    """Whether every file below a directory still has its signature: False too where a look costs more than it saves.

    For thousands of files of which hardly ever one is another: no file is opened, and a name is looked up in its own
    directory, which takes a third less than a whole path.

    Args:
        top: the absolute directory.
        known: what was read before, by path relative to it (with another one, False); fast where paths of one
            directory follow each other.
    """
    if os.stat not in os.supports_dir_fd:
        return False
    current, descriptor = None, -1
    try:
        for path, each in known.items():
            directory, _, name = path.rpartition("/")
            if directory != current:
                if path[0] == "/":
                    return False
                if descriptor != -1:
                    os.close(descriptor)
                    descriptor = -1
                descriptor = os.open(f"{top}/{directory}", DIRECTORY)
                current = directory
            st = os.stat(name, dir_fd=descriptor)
            # A plain tuple, as above.
            if each.signature != (st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino, st.st_mode):
                return False
    except (OSError, ValueError):
        return False
    finally:
        if descriptor != -1:
            os.close(descriptor)
    return True


def _digest(descriptor: int, size: int) -> str:
    """The RECORD form of what is left to read; ``size`` is only a hint that spares small files a large buffer."""
    digest = hashlib.sha256()
    chunk = min(size + 1, _CHUNK)
    while data := os.read(descriptor, chunk):
        digest.update(data)
    return record.encode(digest.digest())
