"""A look at every place that an update will touch, before anything is staged: what would stop it is found now.

It reads and changes nothing. It must not know how files are staged or put in place.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import closing

from uvwatch.core.model import Content, Delta
from uvwatch.core.placing import Installed, Wanted
from uvwatch.installing import redo
from uvwatch.installing.directories import Directories, named
from uvwatch.installing.disk import Disk
from uvwatch.installing.place import Place, Refused, reaches

_SECOND = 1_000_000_000


def survey(place: Place, stage: int, installed: Installed, wanted: Wanted, difference: Delta) -> Mapping[str, int]:
    """Look at each place; the answer says from what time on (ns since the epoch) a replaced ``.py`` has to be.

    A ``.pyc`` is valid by its source's size and its time in whole seconds (Python's import system, "Cached bytecode
    invalidation"), and an importer that runs beside may still write one of the old source: so a new source has to be
    of a later second than the old one.

    Raises:
        Refused: a directory or somebody else's file is in the way, or a place cannot be reached by a rename.
        OSError: a place cannot be looked at.
    """
    disk, gone = place.disk, {*difference.removed}
    floors: dict[str, int] = {}
    checked: set[str] = set()
    paths = ((path.rpartition("/"), path) for path in (*difference.added, *difference.changed, *difference.removed))
    with closing(Directories(disk, place.site)) as directories:
        for (directory, _, name), path in sorted(paths):
            with named(path):
                there, at = _nearest(directories, directory)
                if there not in checked:
                    _check_room(disk, stage, at, there)
                    checked.add(there)
                status = _status(disk, name, at) if there == directory else None
                if status is None:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    raise Refused(f"{path} is a directory")
                if path not in installed.rows and not _is_same(disk, place.site, path, status, wanted.files[path]):
                    raise Refused(f"{path} is there already, and RECORD does not name it")
                if path not in gone and name.endswith(".py"):
                    source = _status(disk, name, at, follow=True) or status
                    floors[path] = (source.st_mtime_ns // _SECOND + 1) * _SECOND
    return floors


def _nearest(directories: Directories, path: str) -> tuple[str, int]:
    try:
        return directories.nearest(path)
    except NotADirectoryError as error:
        raise Refused(f"{path} is not a directory, or behind a symbolic link") from error


def _check_room(disk: Disk, stage: int, at: int, path: str) -> None:
    """Find out what a rename into this directory would say, while nothing has begun."""
    if not disk.is_writable(at):
        raise Refused(f"{path or 'site-packages'} cannot be written to")
    if not reaches(disk, stage, at):
        raise Refused(f"{path or 'site-packages'} lies in another file system")


def _status(disk: Disk, name: str, at: int, *, follow: bool = False) -> os.stat_result | None:
    try:
        return disk.status(name, at, follow=follow)
    except FileNotFoundError:
        return None


def _is_same(disk: Disk, site: int, path: str, status: os.stat_result, content: Content) -> bool:
    return stat.S_ISREG(status.st_mode) and redo.digest_of(disk, site, path) == content.digest
