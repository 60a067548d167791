"""Directories below an open one, entered name by name, never through a symbolic link.

A path is ``/``-separated and relative to the top directory; ``""`` is the top itself. It must not know what the files
in them are.
"""

import contextlib
import errno
from collections.abc import Iterator

from uvwatch.installing.disk import Disk

_FULL = frozenset({errno.ENOTEMPTY, errno.EEXIST})


@contextlib.contextmanager
def named(path: str) -> Iterator[None]:
    """Have an OSError say which path it was about, not the last name of it alone."""
    try:
        yield
    except OSError as error:
        error.filename = path
        raise


class Directories:
    """Keeps the directories down to the last one entered open: paths that follow each other in order cost little."""

    def __init__(self, disk: Disk, top: int) -> None:
        self._disk = disk
        self._top = top
        self._open: list[tuple[str, int]] = []

    def close(self) -> None:
        """Close them; the top directory is not ours."""
        self._leave(0)

    def enter(self, path: str, *, make: bool = False) -> int:
        """The descriptor of a directory, good until the next call; with ``make`` what is not there is made.

        Raises:
            FileNotFoundError: there is none, or the top directory itself was removed.
            NotADirectoryError: some part of the path is a file or a symbolic link.
            OSError: it cannot be opened or made.
        """
        parts = path.split("/") if path else []
        kept = 0
        while kept < min(len(parts), len(self._open)) and self._open[kept][0] == parts[kept]:
            kept += 1
        self._leave(kept)
        for part in parts[kept:]:
            at = self._open[-1][1] if self._open else self._top
            self._open.append((part, self._descend(part, at, make=make)))
        return self._open[-1][1] if self._open else self._top

    def nearest(self, path: str) -> tuple[str, int]:
        """The deepest directory on the way to ``path`` that is there, and its descriptor.

        Raises:
            NotADirectoryError: some part of the path is a file or a symbolic link.
            OSError: it cannot be opened.
        """
        try:
            return path, self.enter(path)
        except FileNotFoundError:
            if not path:
                raise
        return self.nearest(path.rpartition("/")[0])

    def _descend(self, name: str, at: int, *, make: bool) -> int:
        try:
            return self._disk.open_directory(name, at)
        except FileNotFoundError:
            if not make:
                raise
        with contextlib.suppress(FileExistsError):
            self._disk.make_directory(name, at)
        return self._disk.open_directory(name, at)

    def _leave(self, kept: int) -> None:
        while len(self._open) > kept:
            self._disk.close(self._open.pop()[1])


def remove_if_empty(disk: Disk, name: str, at: int) -> bool:
    """Remove a directory unless something is, or was just put, in it.

    Raises:
        OSError: it is empty and cannot be removed.
    """
    try:
        disk.remove_directory(name, at)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in _FULL:
            return False
        raise
    return True
