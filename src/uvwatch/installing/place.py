"""An environment that is open for an update: its library directory, and where files are staged for it.

Files are staged in ``<environment>/.uvwatch/redo/NAME/`` or, where site-packages lies in another file system, below a
directory of the same name in it: putting a file in place has to be one rename. It must not know what is staged.
"""

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uvwatch.core.placing import OWN_PREFIX
from uvwatch.errors import UvwatchError
from uvwatch.installing import redo
from uvwatch.installing.directories import Directories, remove_if_empty
from uvwatch.installing.disk import Disk

AREA = f"{OWN_PREFIX}/redo"
"""Where the staging directories lie, one a distribution."""

_NOBODY = ".absent"


class Refused(UvwatchError):
    """What was found on the disk is a reason to have uv install; it never leaves ``inplace``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Open descriptors of an environment and of its library directory, whose ``path`` is relative to the former."""

    disk: Disk
    prefix: int
    site: int
    path: str


@contextlib.contextmanager
def opened(disk: Disk, prefix: Path, purelib: Path) -> Iterator[Place]:
    """Open an environment, for as long as an update takes.

    Raises:
        Refused: its library directory is not below it, or behind a symbolic link.
        OSError: it is not there.
    """
    path = _below(prefix, purelib)
    top = disk.open_top(str(prefix))
    try:
        with contextlib.closing(Directories(disk, top)) as directories:
            try:
                site = directories.enter(path)
            except NotADirectoryError as error:
                raise Refused(f"{purelib} lies behind a symbolic link") from error
            yield Place(disk=disk, prefix=top, site=site, path=path)
    finally:
        disk.close(top)


def _below(prefix: Path, purelib: Path) -> str:
    for above in (prefix, prefix.resolve()):
        if purelib.is_relative_to(above):
            return purelib.relative_to(above).as_posix()
    raise Refused(f"{purelib} lies outside {prefix}")


@contextlib.contextmanager
def staging_directory(place: Place, name: str) -> Iterator[int]:
    """Make, open and empty the staging directory of one distribution.

    Raises:
        Refused: something else is in its place, or an update that was marked is not finished.
        OSError: it cannot be made.
    """
    disk = place.disk
    for top in (place.prefix, place.site):
        with contextlib.closing(Directories(disk, top)) as directories:
            try:
                stage = _made(disk, directories, f"{AREA}/{name}")
            except NotADirectoryError as error:
                raise Refused(f"{OWN_PREFIX} is not a directory") from error
            if top == place.prefix and not reaches(disk, stage, place.site):
                _unmake(disk, directories, name)
                continue
            if redo.is_marked(disk, stage):
                raise Refused("an update before this one is not finished")
            redo.throw_away(disk, stage)
            yield stage
            return


def _made(disk: Disk, directories: Directories, path: str) -> int:
    try:
        return directories.enter(path)
    except FileNotFoundError:
        directories.enter(path, make=True)
    for above in ("", OWN_PREFIX, AREA):
        disk.flush(directories.enter(above))  # else a loss of power could take the log with it
    return directories.enter(path)


def staging_directories(place: Place) -> Iterator[tuple[str, int]]:
    """The name of each staging directory that is there, and its descriptor, good until the next one is asked for.

    Raises:
        OSError: one cannot be opened.
    """
    for top in (place.prefix, place.site):
        with contextlib.closing(Directories(place.disk, top)) as directories:
            try:
                names = place.disk.names(directories.enter(AREA))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for name in names:
                try:
                    stage = directories.enter(f"{AREA}/{name}")
                except NotADirectoryError:
                    continue  # somebody else's file
                yield name, stage


def abandon(place: Place, stage: int, name: str) -> None:
    """Throw away what was staged, unless it is marked, and leave no empty directory of ours.

    What cannot be removed stays; the next update of this distribution throws it away.
    """
    disk = place.disk
    with contextlib.suppress(OSError):
        if redo.is_marked(disk, stage):
            return
        redo.throw_away(disk, stage)
        for top in (place.prefix, place.site):
            with contextlib.closing(Directories(disk, top)) as directories:
                _unmake(disk, directories, name)


def _unmake(disk: Disk, directories: Directories, name: str) -> None:
    """Remove the directories that :func:`_made` made, as far as they are empty."""
    for path in (f"{AREA}/{name}", AREA, OWN_PREFIX):
        above, _, last = path.rpartition("/")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            remove_if_empty(disk, last, directories.enter(above))


def reaches(disk: Disk, stage: int, at: int) -> bool:
    """Whether a staged file can be renamed into a directory.

    Equal devices are not enough: Linux refuses to rename between two mounts of one file system. It says so before it
    looks for the file, so asking for a file that is not there is enough.

    Raises:
        OSError: a rename into it would fail for another reason.
    """
    if disk.status_of(stage).st_dev != disk.status_of(at).st_dev:
        return False
    try:
        disk.replace(_NOBODY, stage, _NOBODY, at)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    return True
