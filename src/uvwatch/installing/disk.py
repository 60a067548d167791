"""The file system as an in-place update uses it: every call that can fail, behind one small protocol.

Names are relative to an open directory and symbolic links are never followed, so nothing outside that directory can be
reached and nothing is created in place of a directory that was removed. It must not know what is written, or why.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from typing import Protocol

SUPPORTED = {os.open, os.stat, os.rename, os.unlink, os.mkdir, os.rmdir, os.access} <= os.supports_dir_fd
"""Whether this system knows calls relative to an open directory (Windows does not)."""

CHUNK = 1 << 20
_CLOSED = getattr(os, "O_CLOEXEC", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _CLOSED
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOSED
_OLD_FILE = os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | _CLOSED
_ANYONE_MAY_EXECUTE = 0o111


class Disk(Protocol):
    """Each method is one system call, or one loop of the same call, and raises ``OSError`` when that fails."""

    @property
    def flushes_all(self) -> bool:
        """Whether :meth:`flush_all` can be used."""

    def open_top(self, path: str) -> int:
        """Open the directory that all others are found from; the one path that may be a symbolic link."""

    def open_directory(self, name: str, at: int) -> int:
        """Open a directory; NotADirectoryError for a symbolic link too."""

    def open_file(self, name: str, at: int) -> int:
        """Open a regular file for reading; a FIFO is not waited for."""

    def create(self, name: str, at: int) -> int:
        """Make a new file, with the permissions that the umask leaves of 0666."""

    def close(self, descriptor: int) -> None:
        """Close what was opened."""

    def read(self, descriptor: int) -> bytes:
        """Read the next part, empty at the end."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of ``data``."""

    def make_executable(self, descriptor: int) -> None:
        """Add the executable bits for all, as uv does."""

    def set_mtime(self, descriptor: int, mtime_ns: int) -> None:
        """Set the time of modification."""

    def flush(self, descriptor: int) -> None:
        """Have a file's bytes, or a directory's names, survive a loss of power."""

    def flush_all(self, descriptor: int) -> None:
        """Flush the whole file system that ``descriptor`` lies in: one call for many files."""

    def status(self, name: str, at: int, *, follow: bool = False) -> os.stat_result:
        """What is there under a name."""

    def status_of(self, descriptor: int) -> os.stat_result:
        """What was opened."""

    def is_writable(self, at: int) -> bool:
        """Whether names may be made and removed in a directory."""

    def names(self, at: int) -> list[str]:
        """The names in a directory, sorted."""

    def replace(self, name: str, at: int, to: str, to_at: int) -> None:
        """Rename; what stood under the new name is gone in the same instant."""

    def unlink(self, name: str, at: int) -> None:
        """Remove a file."""

    def make_directory(self, name: str, at: int) -> None:
        """Make a directory."""

    def remove_directory(self, name: str, at: int) -> None:
        """Remove an empty directory."""


class RealDisk:
    """The operating system's own calls."""

    def __init__(self) -> None:
        self._syncfs = _syncfs()

    @property
    def flushes_all(self) -> bool:
        """Whether the C library has ``syncfs``, as on Linux."""
        return self._syncfs is not None

    def open_top(self, path: str) -> int:
        """See :class:`Disk`."""
        return os.open(path, _DIRECTORY)

    def open_directory(self, name: str, at: int) -> int:
        """See :class:`Disk`."""
        try:
            return os.open(name, _DIRECTORY | _NOFOLLOW, dir_fd=at)
        except OSError as error:
            if error.errno == errno.ELOOP:  # what some systems say of a symbolic link
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from error
            raise

    def open_file(self, name: str, at: int) -> int:
        """See :class:`Disk`."""
        descriptor = os.open(name, _OLD_FILE, dir_fd=at)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file", name)
        return descriptor

    def create(self, name: str, at: int) -> int:
        """See :class:`Disk`."""
        return os.open(name, _NEW_FILE, 0o666, dir_fd=at)

    def close(self, descriptor: int) -> None:
        """See :class:`Disk`."""
        os.close(descriptor)

    def read(self, descriptor: int) -> bytes:
        """See :class:`Disk`."""
        return os.read(descriptor, CHUNK)

    def write(self, descriptor: int, data: bytes) -> None:
        """See :class:`Disk`."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def make_executable(self, descriptor: int) -> None:
        """See :class:`Disk`."""
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) | _ANYONE_MAY_EXECUTE)

    def set_mtime(self, descriptor: int, mtime_ns: int) -> None:
        """See :class:`Disk`."""
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))

    def flush(self, descriptor: int) -> None:
        """See :class:`Disk`."""
        os.fsync(descriptor)

    def flush_all(self, descriptor: int) -> None:
        """See :class:`Disk`."""
        if self._syncfs is not None and self._syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def status(self, name: str, at: int, *, follow: bool = False) -> os.stat_result:
        """See :class:`Disk`."""
        return os.stat(name, dir_fd=at, follow_symlinks=follow)

    def status_of(self, descriptor: int) -> os.stat_result:
        """See :class:`Disk`."""
        return os.fstat(descriptor)

    def is_writable(self, at: int) -> bool:
        """See :class:`Disk`."""
        return os.access(".", os.W_OK | os.X_OK, dir_fd=at)

    def names(self, at: int) -> list[str]:
        """See :class:`Disk`."""
        return sorted(os.listdir(at))

    def replace(self, name: str, at: int, to: str, to_at: int) -> None:
        """See :class:`Disk`."""
        os.replace(name, to, src_dir_fd=at, dst_dir_fd=to_at)

    def unlink(self, name: str, at: int) -> None:
        """See :class:`Disk`."""
        os.unlink(name, dir_fd=at)

    def make_directory(self, name: str, at: int) -> None:
        """See :class:`Disk`."""
        os.mkdir(name, dir_fd=at)

    def remove_directory(self, name: str, at: int) -> None:
        """See :class:`Disk`."""
        os.rmdir(name, dir_fd=at)


def _syncfs() -> Callable[[int], int] | None:
    """The C library's syncfs(2); None where it has none."""
    try:
        call: Callable[[int], int] = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError, TypeError):
        return None
    return call
