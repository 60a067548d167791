"""The kernel's own words in a directory made up of real files, and once the real ones."""

import os
from pathlib import Path

from watchfiles._rust_notify import RustNotify

from uvwatch.core.findings import Inotify
from uvwatch.watching.limits import read_limits


def process(proc: Path, number: int, queues: dict[int, int]) -> None:
    """Make a process with these inotify descriptors, by their numbers of watches, and one other descriptor."""
    for name in ("fd", "fdinfo"):
        (proc / str(number) / name).mkdir(parents=True)
    for descriptor, watches in queues.items():
        (proc / str(number) / "fd" / str(descriptor)).symlink_to("anon_inode:inotify")
        text = "pos:\t0\n" + "inotify wd:1 ino:2 sdev:3 mask:4\n" * watches
        (proc / str(number) / "fdinfo" / str(descriptor)).write_text(text)
    (proc / str(number) / "fd" / "9").symlink_to("/dev/null")


def limit(proc: Path, name: str, number: int) -> None:
    (proc / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
    (proc / "sys" / name).write_text(f"{number}\n")


def test_limits_are_the_lower_of_the_users_and_the_namespaces_and_what_is_taken_is_counted(tmp_path: Path) -> None:
    process(tmp_path, 12, {4: 3, 5: 0})
    process(tmp_path, 13, {7: 2})
    (tmp_path / "14").mkdir()
    limit(tmp_path, "fs/inotify/max_user_watches", 500)
    limit(tmp_path, "user/max_inotify_watches", 400)
    limit(tmp_path, "fs/inotify/max_user_instances", 128)

    found = read_limits(tmp_path, uid=os.getuid())

    assert found == Inotify(watches=400, instances=128, watches_taken=5, instances_taken=3)
    assert read_limits(tmp_path, uid=os.getuid() + 1) == Inotify(watches=400, instances=128)


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert read_limits(tmp_path / "none", uid=os.getuid()) == Inotify(watches=None, instances=None)


def test_a_real_watch_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    notify = RustNotify([str(tmp_path), str(tmp_path / "a")], False, False, 0, False, False)
    try:
        [descriptor] = [
            name
            for name in os.listdir("/proc/self/fd")  # noqa: PTH208
            if os.path.islink(f"/proc/self/fd/{name}") and "inotify" in os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH114, PTH115
        ]
        text = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
        found = read_limits(Path("/proc"), uid=os.getuid())
    finally:
        notify.close()

    assert text.count("inotify wd:") == 2
    assert found.instances_taken >= 1
    assert found.watches_taken >= 2
