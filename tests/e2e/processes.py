"""Processes from outside: who belongs to whom, and whether each of them has ended."""

import os
import select
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress


def in_group(group: int) -> list[int]:
    """The processes of a group."""
    return [pid for pid, of_group in _listed("pgid") if of_group == group]


def descendants(ancestor: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    found, listed = [ancestor], _listed("ppid")
    for parent in found:
        found.extend(pid for pid, of_parent in listed if of_parent == parent)
    return found[1:]


def _listed(column: str) -> list[tuple[int, int]]:
    """The ids of all processes, each with another column of ``ps``."""
    done = subprocess.run(["ps", "-A", "-o", f"pid=,{column}="], capture_output=True, text=True, check=True)
    return [(int(pid), int(other)) for pid, other in map(str.split, done.stdout.splitlines())]


@contextmanager
def followed(pids: Iterable[int]) -> Iterator[list[int]]:
    """Give a descriptor for each process, whatever its id will stand for once it has ended; see ``ended``.

    One that ended just now has none.
    """
    with ExitStack() as stack:
        descriptors = []
        for pid in pids:
            with suppress(ProcessLookupError):
                descriptors.append(os.pidfd_open(pid))
                stack.callback(os.close, descriptors[-1])
        yield descriptors


def ended(process: int, seconds: float) -> bool:
    """Whether a process, given by its descriptor, ends within so many seconds."""
    return bool(select.select([process], [], [], seconds)[0])
