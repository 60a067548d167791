"""The installed copies as events tell of them: which directories hold them, and which named files are others than read.

An event says where to look. What was put in place by ourselves was read again then, so it is as it was read; what a
program changes again and again is put back a few times and is then the audit's. It changes nothing.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from uvwatch.core.loops import INSISTS, Meddled
from uvwatch.core.model import Known
from uvwatch.core.watchplan import is_below
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.roster import Roster
from uvwatch.project import files
from uvwatch.project.installed import site_of
from uvwatch.watching.watcher import can_be_watched

MOST = 500
"""A copy in more directories than these is left to the audit: a watch on each would cost more than it is worth."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Where one copy lies.

    Attributes:
        library: the site-packages that RECORD's paths are relative to.
        files: the path that RECORD has, by the absolute one.
        directories: absolute: those that hold its files, and those between them and site-packages.
    """

    library: str
    files: Mapping[str, str]
    directories: frozenset[str]


class Guards:
    """The installed copies of one site's distributions; an editable install has none."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._held: dict[str, tuple[Mapping[str, Known], Held]] = {}
        self._meddled = Meddled()

    def directories(self) -> frozenset[str]:
        """The directories to watch, absolute, as far as they can be."""
        wanted = (self._of(keeper).directories for keeper in self._keepers())
        return frozenset(path for each in wanted if len(each) <= MOST for path in each if can_be_watched(path))

    def concerning(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of the absolute paths that are directories of a copy, or installed files that are not as last read.

        What was put in place by ourselves is as it was read, and no news.
        """
        paths = frozenset(paths)
        found: set[str] = set()
        for keeper in self._keepers():
            held, read = self._of(keeper), keeper.copy.files
            found |= paths & held.directories
            found.update(path for path in paths & held.files.keys() if _differs(path, read.get(held.files[path])))
        return frozenset(found)

    def is_as_read(self, path: str) -> bool:
        """Whether an absolute path is, or lies in, a dist-info whose RECORD nobody wrote since its copy was read."""
        return any(
            is_below(path, str(site_of(keeper.env, keeper.distribution) / keeper.distribution.dist_info))
            and keeper.is_as_read()
            for keeper in self._keepers()
        )

    def changed(self, paths: Iterable[str] | None, now: float) -> bool:
        """Whether an installed file at, or below, these paths is gone, or holds something else than when last read.

        What failed is known to be stale, and is not asked; nor is a file that was put back too often lately.

        Args:
            paths: absolute; None for all of every copy.
            now: seconds of any monotonic clock.
        """
        paths = None if paths is None else frozenset(paths)
        found: set[str] = set()
        for keeper in self._keepers():
            held = self._of(keeper)
            if not keeper.dirty:
                read = keeper.copy.files
                found.update(path for path in _asked(held, paths) if _differs(path, read.get(held.files[path])))
        self._meddled = self._meddled.after(found, now)
        for path in sorted(filter(self._meddled.begins, found)):
            log.warning(
                "installed.changed_again",
                path=path,
                message=f"another program changed an installed file again, which was put back {INSISTS} times: it is"
                " left to the audit now",
                remedy="have the program write elsewhere, or leave the file out of the wheel",
            )
        return not all(map(self._meddled.insists, found))

    def _keepers(self) -> list[Keeper]:
        return [keeper for keeper in self._roster.keepers.values() if not keeper.of_editable]

    def _of(self, keeper: Keeper) -> Held:
        read, library = keeper.copy.files, str(site_of(keeper.env, keeper.distribution))
        of, held = self._held.get(keeper.name, (None, None))
        # Of another Python, the same files lie elsewhere in the same environment.
        if held is None or held.library != library or (of is not read and (of is None or of.keys() != read.keys())):
            held = _held(library, read)
            self._held[keeper.name] = read, held
        return held


def _held(library: str, read: Iterable[str]) -> Held:
    found: dict[str, str] = {}
    directories: set[str] = set()
    for path in read:
        plain = f"{library}/{path}"
        # Scripts and data files lie elsewhere in the environment ("../../../bin/x"), or have an absolute path.
        place = os.path.normpath(os.path.join(library, path)) if path[0] == "/" or ".." in path else plain  # noqa: PTH118
        found[place] = path
        directory = place.rpartition("/")[0]
        while directory not in directories and directory != library:
            directories.add(directory)
            if not is_below(directory, library):
                break
            directory = directory.rpartition("/")[0]
    return Held(library=library, files=found, directories=frozenset(directories))


def _asked(held: Held, paths: frozenset[str] | None) -> Iterable[str]:
    """The installed files that are named, or lie below a directory of the copy that is."""
    if paths is None:
        return held.files
    tops = paths & held.directories
    below = {each for each in held.directories if any(is_below(each, top) for top in tops)}
    return {*(paths & held.files.keys()), *(path for path in held.files if below and path.rpartition("/")[0] in below)}


def _differs(path: str, read: Known | None) -> bool:
    """Whether the disk holds something else than what was read; what cannot be asked is another."""
    try:
        return files.read_again_if_changed(path, read).content != (read.content if read is not None else None)
    except OSError:
        return True
