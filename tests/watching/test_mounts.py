"""File systems without events, from the text of /proc/self/mountinfo."""

from pathlib import Path

import pytest

from uvwatch.watching.mounts import eventless

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:40 / /mnt/nfs rw shared:2 master:1 - nfs4 server:/export rw
23 22 0:41 / /mnt/nfs/local rw - tmpfs tmpfs rw
24 21 0:42 / /mnt/with\\040space rw shared:3 - fuse.sshfs host: rw
25 21 0:43 / /mnt/n rw - 9p drvfs rw
26 21 0:44 / /twice rw - cifs //server/share rw
27 21 0:45 / /twice rw - xfs /dev/sdb rw
28 21 0:46 / /ntfs rw - fuseblk /dev/sdc rw
a line that nobody understands
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", None),
        ("/home/me/project", None),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs/project", "nfs4"),
        ("/mnt/nfs/local/project", None),
        ("/mnt/nfs/localproject", "nfs4"),
        ("/mnt/with space/project", "fuse.sshfs"),
        ("/mnt/with", None),
        ("/mnt/n", "9p"),
        ("/mnt/nf", None),
        ("/twice/project", None),
        ("/ntfs/project", None),
    ],
)
def test_the_longest_mount_point_by_parts_decides_and_the_last_of_equals(path: str, expected: str | None) -> None:
    assert eventless(MOUNTS, path) == expected


def test_without_any_mounts_nothing_is_known() -> None:
    assert eventless("", "/a") is None


def test_the_systems_own_proc_is_no_network_file_system() -> None:
    assert (
        eventless(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"), "/proc") is None
    )
