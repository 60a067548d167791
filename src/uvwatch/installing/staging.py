"""Writing all that an update will need into the staging directory, each file hashed while it is written.

It must not know where the staging directory lies, about the lock, or how files are put in place.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from uvwatch.core import placing, record
from uvwatch.core.model import Content, Delta
from uvwatch.core.placing import Installed, Kind, Wanted
from uvwatch.core.record import Row
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing import sources
from uvwatch.installing.directories import named
from uvwatch.installing.disk import Disk
from uvwatch.installing.redo import Entry
from uvwatch.installing.sources import Source, Sources

FEW = 8
"""Up to so many files are flushed one by one: syncfs waits for what all other programs wrote too (0.15 s seen)."""


class SourceChanged(CycleFailed):
    """A file is not what it was when the update was decided: somebody is writing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stager:
    """Writes files into an open, empty staging directory; ``each`` is whether each is flushed by itself."""

    disk: Disk
    stage: int
    each: bool

    def write(self, name: str, path: str, source: Source, content: Content, *, floor: int) -> Row:
        """Stage one file, modified at ``floor`` (ns since the epoch) or later, and return its row of RECORD.

        Raises:
            SourceChanged: the source does not hold ``content``.
            CycleFailed: it cannot be read.
            OSError: the file cannot be written.
        """
        disk, total, size = self.disk, hashlib.sha256(), 0
        with named(path), self._created(name) as descriptor:
            for part in sources.read(source, path):
                disk.write(descriptor, part)
                total.update(part)
                size += len(part)
            row = Row(record.encode(total.digest()), size)
            if row.digest != content.digest:
                raise SourceChanged(FailureKind.IO, f"{path} is not what it was just now: it is still being written")
            if content.executable:
                disk.make_executable(descriptor)
            if disk.status_of(descriptor).st_mtime_ns < floor:
                disk.set_mtime(descriptor, floor)
            if self.each:
                disk.flush(descriptor)
        return row

    @contextlib.contextmanager
    def _created(self, name: str) -> Iterator[int]:
        descriptor = self.disk.create(name, self.stage)
        try:
            yield descriptor
        finally:
            self.disk.close(descriptor)


def stage_all(
    disk: Disk,
    stage: int,
    installed: Installed,
    wanted: Wanted,
    difference: Delta,
    bytes_of: Sources,
    floors: Mapping[str, int],
) -> tuple[Entry, ...]:
    """Write what will be put in place, RECORD too, and have it survive a loss of power.

    Args:
        disk: the file system.
        stage: the open staging directory, empty.
        installed: what is installed.
        wanted: what shall be.
        difference: what has to be written and removed.
        bytes_of: a source for each path to write.
        floors: the earliest time of modification that a path may have, in ns since the epoch.

    Returns:
        What is to be done with it, in order.

    Raises:
        SourceChanged: a source does not hold what is wanted of it.
        CycleFailed: a source cannot be read.
        OSError: a file cannot be written; its ``filename`` is the path as RECORD has it.
    """
    steps = placing.steps(difference, wanted)
    at_once = disk.flushes_all and len(steps) - len(difference.removed) > FEW
    stager = Stager(disk=disk, stage=stage, each=not at_once)
    rows: dict[str, Row] = {}
    entries: list[Entry] = []
    source: Source
    for number, step in enumerate(steps):
        if step.kind is Kind.REMOVE:
            entries.append(Entry(kind=step.kind, path=step.path))
            continue
        if step.content is None:
            text = placing.render(placing.rows_after(installed, difference, rows)).encode()
            source, content = text, Content(record.digest(text), executable=False)
        else:
            source, content = bytes_of[step.path], step.content
        rows[step.path] = stager.write(str(number), step.path, source, content, floor=floors.get(step.path, 0))
        entries.append(Entry(kind=step.kind, path=step.path, staged=str(number), digest=content.digest))
    if at_once:
        disk.flush_all(stage)
    return tuple(entries)
