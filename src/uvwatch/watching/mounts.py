"""Which file systems send no events for what others change, by ``/proc/self/mountinfo`` (proc_pid_mountinfo(5)).

It knows the format and the file systems' names. It must not open anything: the text is an argument.
"""

import re

EVENTLESS = frozenset(
    {
        "9p",  # WSL's drives, virtual machines, gVisor
        "afs",
        "ceph",
        "cifs",
        "davfs",
        "drvfs",  # WSL 1
        "fuse",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "prl_fs",  # Parallels
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",  # VirtualBox
        "virtiofs",
        "vmhgfs",  # VMware
        "wslfs",
    }
)
"""File systems on which another machine, or the host of this one, may write without the kernel hearing of it."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def eventless(mountinfo: str, path: str) -> str | None:
    """The type of the file system that ``path`` lies on if it is one without events, else None.

    Args:
        mountinfo: the text of ``/proc/self/mountinfo``; lines that cannot be understood are passed over.
        path: absolute, without symbolic links.
    """
    parts = _parts(path)
    deepest: tuple[str, ...] = ()
    found = None
    for line in mountinfo.split("\n"):
        fields, separator, rest = line.partition(" - ")
        before = fields.split(" ")
        after = rest.split(" ")
        if not separator or len(before) < 6:  # noqa: PLR2004 - the format has six fields before the optional ones
            continue
        point = _parts(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), before[4]))
        # Of two mounts on the same point the later one lies on top.
        if point == parts[: len(point)] and len(point) >= len(deepest):
            deepest, found = point, after[0]
    return found if found is not None and (found in EVENTLESS or found.startswith("fuse.")) else None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)
