"""The kernel's limits of inotify and what is taken of them, by ``/proc`` (inotify(7), proc(5)). Read only."""

import os
from pathlib import Path

from uvwatch.core.findings import Inotify

_WATCHES = ("sys/fs/inotify/max_user_watches", "sys/user/max_inotify_watches")
_INSTANCES = ("sys/fs/inotify/max_user_instances", "sys/user/max_inotify_instances")


def read_limits(proc: Path, *, uid: int) -> Inotify:
    """What one user may take, and what the processes of that user take now; no limits where ``proc`` tells none."""
    watches = instances = 0
    for process in _numbers(proc):
        try:
            if (proc / process).stat().st_uid != uid:
                continue
            descriptors = _numbers(proc / process / "fd")
        except OSError:  # it ended
            continue
        for descriptor in descriptors:
            count = _watches_of(proc / process, descriptor)
            if count is not None:
                instances += 1
                watches += count
    return Inotify(
        watches=_least(proc, _WATCHES),
        instances=_least(proc, _INSTANCES),
        watches_taken=watches,
        instances_taken=instances,
    )


def _numbers(directory: Path) -> list[str]:
    try:
        return [name for name in os.listdir(directory) if name.isdigit()]  # noqa: PTH208 - names are all it takes
    except OSError:
        return []


def _watches_of(process: Path, descriptor: str) -> int | None:
    """How many watches an inotify descriptor holds; None for any other."""
    try:
        if "inotify" not in os.readlink(process / "fd" / descriptor):  # noqa: PTH115 - anon_inode:inotify is no path
            return None
        return (process / "fdinfo" / descriptor).read_text(encoding="ascii", errors="replace").count("inotify wd:")
    except OSError:
        return None


def _least(proc: Path, names: tuple[str, ...]) -> int | None:
    return min((number for name in names if (number := _number(proc / name)) is not None), default=None)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
