"""What Linux tells of a process in /proc: its inotify watches and instances, descriptors and memory.

Knows nothing of what the process is.
"""

import contextlib
import os
from pathlib import Path


def watches_of(pid: int) -> int:
    """How many directories a process watches by inotify (proc(5), ``fdinfo``); 0 where the system does not tell."""
    count = 0
    for descriptor in Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += descriptor.read_text(encoding="ascii").count("inotify wd:")
    return count


def memory(pid: int) -> int:
    """The resident memory of a process in megabytes, 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def instances_of(pid: int) -> int:
    """How many inotify instances a process has, 0 where the system does not tell."""
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += "inotify" in os.readlink(descriptor)  # noqa: PTH115 - anon_inode:inotify is no path
    return count


def descriptors_of(pid: int) -> int:
    """How many descriptors a process has open, 0 where the system does not tell."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").glob("*"))
