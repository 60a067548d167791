"""The redo log: what is left to do once an update is marked, and the one way of doing it.

From the mark on the update is only carried out, never rolled back; whoever comes after an interruption at whatever
point carries out the same log again. It knows staged files and where they belong; it must not know where their bytes
came from.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from uvwatch.core import record
from uvwatch.core.placing import Kind, leads_out
from uvwatch.installing.directories import Directories, named, remove_if_empty
from uvwatch.installing.disk import Disk

VERSION = 1
LOG = "log"
_NEW_LOG = "log.new"
_CACHE = "__pycache__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A step: ``staged`` is the name of the staged file and ``digest`` what it holds, both None for a removal."""

    kind: Kind
    path: str
    staged: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """An update of one distribution: ``before`` and ``after`` are the digests of RECORD, its own entry is the last.

    ``site`` is the library directory relative to the environment, ``dist_info`` a name in it.
    """

    site: str
    dist_info: str
    before: str
    after: str
    entries: tuple[Entry, ...]

    @property
    def record(self) -> str:
        """The path of RECORD."""
        return f"{self.dist_info}/RECORD"


class Found(Enum):
    """How a log stands to the environment."""

    DUE = "due"
    DONE = "done"
    VOID = "void"


def mark(disk: Disk, stage: int, log: Log) -> None:
    """Write the log so that it is there whole or not at all, a loss of power included.

    Raises:
        OSError: it could not be written.
    """
    descriptor = disk.create(_NEW_LOG, stage)
    try:
        disk.write(descriptor, _encode(log))
        disk.flush(descriptor)
    finally:
        disk.close(descriptor)
    disk.replace(_NEW_LOG, stage, LOG, stage)
    disk.flush(stage)


def is_marked(disk: Disk, stage: int) -> bool:
    """Whether there is a log.

    Raises:
        OSError: that cannot be said.
    """
    try:
        disk.status(LOG, stage)
    except FileNotFoundError:
        return False
    return True


def read(disk: Disk, stage: int) -> Log | None:
    """Read the log; None where there is none that can be understood.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        return _decode(json.loads(contents(disk, LOG, stage)))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def examine(disk: Disk, site: int, stage: int, log: Log) -> Found:
    """Whether the log is of what is installed now, and all that it still needs is there and whole.

    RECORD tells: as long as it is the one from before, nobody else installed since; if it is the one from after, all
    is in place.

    Raises:
        OSError: a file cannot be read.
    """
    now = digest_of(disk, site, log.record)
    if now != log.before:  # first: where only an executable bit changes, RECORD is the same before and after
        return Found.DONE if now == log.after else Found.VOID
    with contextlib.closing(Directories(disk, stage)) as directories:
        for entry in log.entries:
            if entry.staged is not None and _digest(disk, directories, entry.staged) not in (None, entry.digest):
                return Found.VOID
    return Found.DUE


def carry_out(disk: Disk, site: int, stage: int, log: Log) -> None:
    """Put every staged file in place, remove what goes, and RECORD last; what was done before is passed over.

    Raises:
        OSError: a step failed; its ``filename`` is the path as RECORD has it. The log stays, to be carried out again.
    """
    with contextlib.closing(Directories(disk, site)) as directories:
        for entry in log.entries:
            with named(entry.path):
                if entry.kind is Kind.RECORD:
                    _tidy(disk, directories, log)
                if entry.staged is None:
                    _remove(disk, directories, entry.path)
                else:
                    _put(disk, directories, stage, entry.path, entry.staged)


def throw_away(disk: Disk, stage: int) -> None:
    """Empty the staging directory, the log first: staged files without a log mean nothing.

    Raises:
        OSError: a file could not be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(LOG, stage)
    for name in disk.names(stage):
        disk.unlink(name, stage)


def contents(disk: Disk, name: str, at: int) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: it is missing, cannot be read, or is no regular file.
    """
    return b"".join(_parts(disk, name, at))


def digest_of(disk: Disk, site: int, path: str) -> str | None:
    """The digest of an installed file in RECORD's form, None where there is none.

    Raises:
        OSError: it cannot be read.
    """
    with contextlib.closing(Directories(disk, site)) as directories:
        return _digest(disk, directories, path)


def _digest(disk: Disk, directories: Directories, path: str) -> str | None:
    directory, _, name = path.rpartition("/")
    total = hashlib.sha256()
    try:
        for part in _parts(disk, name, directories.enter(directory)):
            total.update(part)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return record.encode(total.digest())


def _parts(disk: Disk, name: str, at: int) -> Iterator[bytes]:
    descriptor = disk.open_file(name, at)
    try:
        while part := disk.read(descriptor):
            yield part
    finally:
        disk.close(descriptor)


def _put(disk: Disk, directories: Directories, stage: int, path: str, staged: str) -> None:
    directory, _, name = path.rpartition("/")
    at = directories.enter(directory, make=True)
    try:
        disk.replace(staged, stage, name, at)
    except FileNotFoundError:
        try:
            disk.status(staged, stage)
        except FileNotFoundError:
            return  # put in place before the interruption
        raise


def _remove(disk: Disk, directories: Directories, path: str) -> None:
    directory, _, name = path.rpartition("/")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        disk.unlink(name, directories.enter(directory))


def _tidy(disk: Disk, directories: Directories, log: Log) -> None:
    """Remove the bytecode of sources that are others now or gone, and the directories that lost their last file."""
    stems: dict[str, set[str]] = {}
    emptied: set[str] = set()
    for entry in log.entries:
        directory, _, name = entry.path.rpartition("/")
        if name.endswith(".py"):
            stems.setdefault(directory, set()).add(name.removesuffix(".py"))
        if entry.kind is Kind.REMOVE:
            emptied |= {directory, f"{directory}/{_CACHE}".lstrip("/"), *_above(directory)}
    for directory in sorted(stems):
        _drop_bytecode(disk, directories, f"{directory}/{_CACHE}".lstrip("/"), stems[directory])
    for directory in sorted(emptied - {""}, key=lambda path: (-path.count("/"), path)):
        _prune(disk, directories, directory)


def _above(directory: str) -> Iterator[str]:
    while directory := directory.rpartition("/")[0]:
        yield directory


def _drop_bytecode(disk: Disk, directories: Directories, cache: str, stems: set[str]) -> None:
    """Remove ``STEM.*.pyc``: of every interpreter and every level of optimisation (PEP 3147, PEP 488)."""
    try:
        at = directories.enter(cache)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in disk.names(at):
        dots = [position for position, letter in enumerate(name) if letter == "."]
        if name.endswith(".pyc") and any(name[:dot] in stems for dot in dots[:-1]):
            with contextlib.suppress(FileNotFoundError):
                disk.unlink(name, at)


def _prune(disk: Disk, directories: Directories, directory: str) -> None:
    """Remove a directory that is empty, or holds nothing but bytecode of modules that are gone."""
    above, _, name = directory.rpartition("/")
    try:
        if disk.names(directories.enter(directory)) == [_CACHE]:
            at = directories.enter(f"{directory}/{_CACHE}")
            if all(each.endswith(".pyc") for each in disk.names(at)):
                for each in disk.names(at):
                    disk.unlink(each, at)
                remove_if_empty(disk, _CACHE, directories.enter(directory))
        remove_if_empty(disk, name, directories.enter(above))
    except (FileNotFoundError, NotADirectoryError):
        return


def _encode(log: Log) -> bytes:
    entries = [[entry.kind.value, entry.path, entry.staged, entry.digest] for entry in log.entries]
    header = {"version": VERSION, "site": log.site, "dist_info": log.dist_info}
    return json.dumps(
        {**header, "before": log.before, "after": log.after, "entries": entries}, separators=(",", ":")
    ).encode("ascii")


def _decode(data: Any) -> Log | None:
    """A log as written; None for another version, or one that names what it must not touch."""
    if data["version"] != VERSION:
        return None
    entries = tuple(
        Entry(kind=Kind(kind), path=path, staged=staged, digest=digest)
        for kind, path, staged, digest in data["entries"]
    )
    log = Log(
        site=data["site"],
        dist_info=data["dist_info"],
        before=data["before"],
        after=data["after"],
        entries=entries,
    )
    named_files = [log.site, log.record, *(entry.path for entry in entries)]
    staged_files = [entry.staged for entry in entries if entry.staged is not None]
    is_ours = not any(map(leads_out, named_files)) and all(map(str.isdecimal, staged_files))
    return log if is_ours and entries[-1].path == log.record else None
