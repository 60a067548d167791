"""The installed side of one distribution: what was last read of its copy, and whether somebody installed since.

It reads the environment, and no more of it than changed. It must not know the tree, or what the copy should be.
"""

from collections.abc import Mapping
from dataclasses import replace

from anyio import to_thread

from uvwatch.core import record
from uvwatch.core.model import Delta, Distribution, Files, Known
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.project.environment import Environment
from uvwatch.project.installed import NOT_WHOLE, InstalledCopy, read_installed, reread, site_of


def mark(env: Environment, distribution: Distribution) -> object:
    """What changes whenever somebody installs: which file RECORD is, and when it was written; None without one."""
    try:
        found = (site_of(env, distribution) / distribution.dist_info / "RECORD").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def is_whole(env: Environment, distribution: Distribution, copy: InstalledCopy) -> bool:
    """Whether every file of a copy is there: uv is not between removing and linking."""
    library = site_of(env, distribution)
    return all((library / path).exists() for path in (f"{distribution.dist_info}/RECORD", *copy.files))


class Copy:
    """What is known of an installed copy.

    Attributes:
        last: the copy as it was last read; at first not whole, with what an earlier run found of its files.
    """

    def __init__(self, files: Mapping[str, Known]) -> None:
        """``files`` spare reading again what is still the same."""
        self.last = replace(NOT_WHOLE, files=files)
        self._read_at: object = None
        self._wheel_files: tuple[InstalledCopy | None, Files] = (None, {})

    async def read(self, env: Environment, distribution: Distribution) -> InstalledCopy:
        """Read it; only what changed since it was last read is opened.

        Raises:
            CycleFailed: a file of it is there and cannot be read.
        """
        self._read_at, read_at = None, mark(env, distribution)
        try:
            self.last = await to_thread.run_sync(read_installed, env, distribution, self.last)
        except OSError as error:
            raise CycleFailed(FailureKind.IO, f"{error.filename}: {error.strerror}") from error
        self._read_at = read_at
        return self.last

    def placed(self, env: Environment, distribution: Distribution, delta: Delta) -> Files:
        """Read again what was just put in place, and give what it holds; what is not there is left out."""
        read_at = mark(env, distribution)
        self.last = reread(env, distribution, self.last, delta)
        self._read_at = read_at
        there = self.last.files
        return {path: there[path].content for path in delta.paths if path in there}

    def is_as_read(self, env: Environment, distribution: Distribution) -> bool:
        """Whether nobody wrote RECORD since it was read; what was done to a single file this does not see."""
        return self._read_at is not None and self._read_at == mark(env, distribution)

    def wheel_files(self) -> Files:
        """What is installed of the wheel, as last read: without what the installer wrote by itself."""
        of, found = self._wheel_files
        if of is not self.last:
            found = record.of_the_wheel({path: known.content for path, known in self.last.files.items()})
            self._wheel_files = (self.last, found)
        return found
