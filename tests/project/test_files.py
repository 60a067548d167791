import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from uvwatch.core import record
from uvwatch.core.model import Known
from uvwatch.project import files
from uvwatch.project.files import NEVER_EQUAL, RACY_NS, are_as_known, read, read_again_if_changed, signature


def much_later() -> int:
    return time.time_ns() + 10 * RACY_NS


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 3_000_000, bytes(range(256)) * 4097])
def test_the_digest_is_that_of_record_whatever_the_size(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)

    assert read(str(path)).content.digest == record.digest(data)


@pytest.mark.parametrize(("mode", "executable"), [(0o644, False), (0o755, True), (0o744, True), (0o655, False)])
def test_executable_is_the_owners_bit(tmp_path: Path, mode: int, *, executable: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(mode)

    assert read(str(path)).content.executable is executable


def test_a_file_that_rested_keeps_its_signature_and_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    known = read(str(path), now_ns=much_later)

    assert known.signature == signature(path.stat())
    assert read_again_if_changed(str(path), known) is known


def test_a_file_that_was_just_written_is_read_again_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    st = path.stat()
    known = read(str(path), now_ns=lambda: st.st_ctime_ns)

    assert known.signature.inode == NEVER_EQUAL
    assert known.signature._replace(inode=st.st_ino) == signature(st)
    assert read_again_if_changed(str(path), known) is not known


@pytest.mark.parametrize("age", [0, RACY_NS - 1, RACY_NS, RACY_NS + 1])
def test_the_age_at_which_a_signature_is_trusted(tmp_path: Path, age: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    changed = path.stat().st_ctime_ns

    known = read(str(path), now_ns=lambda: changed + age)

    assert (known.signature.inode != NEVER_EQUAL) is (age >= RACY_NS)


def test_same_size_and_restored_mtime_do_not_hide_a_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    before = path.stat()
    known = read(str(path), now_ns=much_later)

    path.write_bytes(b"new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    # The change time moves in ticks of the clock: wait for the next one by what it writes, not by sleeping.
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_again_if_changed(str(path), known).content.digest == record.digest(b"new")


def test_a_replaced_file_of_the_same_bytes_is_read_again_and_says_the_same(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"x")
    known = read(str(path), now_ns=much_later)
    other.write_bytes(b"x")
    other.replace(path)

    again = read_again_if_changed(str(path), known)

    assert again is not known
    assert again.content == known.content


def clock_that_writes(path: Path, times: int) -> Callable[[], int]:
    """A clock, asked once in each attempt to read, that changes the file the first ``times`` times."""
    sizes = iter(range(1, times + 1))

    def now_ns() -> int:
        for size in itertools.islice(sizes, 1):
            path.write_bytes(b"x" * size)
        return much_later()

    return now_ns


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_while_it_is_read_is_read_until_it_rests(tmp_path: Path, times: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")

    known = read(str(path), now_ns=clock_that_writes(path, times))

    assert known.content.digest == record.digest(b"x" * times)
    assert known.signature == signature(path.stat())


def test_a_file_that_does_not_come_to_rest_is_never_trusted(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")

    known = read(str(path), now_ns=clock_that_writes(path, 100))

    assert known.signature.inode == NEVER_EQUAL


def test_a_second_write_in_the_same_tick_of_the_clock_is_not_overlooked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for number in range(200):
        path.write_bytes(b"a%03d" % number)
        known = read(str(path))
        path.write_bytes(b"b%03d" % number)

        assert read_again_if_changed(str(path), known).content.digest == record.digest(b"b%03d" % number)


def test_a_symbolic_link_is_read_through(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")

    assert read(str(tmp_path / "link")).content.digest == record.digest(b"x")


def test_a_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(path)).write_bytes(b"x")

    assert read(os.fsdecode(path)).content.digest == record.digest(b"x")


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(OSError, match="not a regular file"):
        read(str(tmp_path / "fifo"))


def test_a_directory_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError):
        read_again_if_changed(str(tmp_path / "none"), None)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    before = os.dup(0)
    os.close(before)

    files.read(str(tmp_path / "file"))
    with pytest.raises(OSError, match="not a regular file"):
        files.read(str(tmp_path))

    after = os.dup(0)
    os.close(after)
    assert after == before


def known_files(top: Path, *paths: str) -> dict[str, Known]:
    for path in paths:
        file = top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return {path: read(str(top / path), now_ns=much_later) for path in paths}


def test_files_are_as_known_until_one_of_them_is_another(tmp_path: Path) -> None:
    top = tmp_path / "site"
    known = known_files(top, "pkg/a.py", "pkg/sub/b.py", "pkg/c.py", "top.py", "../bin/x")
    assert are_as_known(str(top), known)
    (top / "pkg/sub/new.py").write_text("")
    assert are_as_known(str(top), known)
    for path in known:
        (top / path).write_text("other")
        assert not are_as_known(str(top), known)
        known[path] = read(str(top / path), now_ns=much_later)
        assert are_as_known(str(top), known)


@pytest.mark.parametrize("gone", ["pkg/a.py", "pkg"])
def test_files_are_not_as_known_when_one_is_gone_or_its_directory_is(tmp_path: Path, gone: str) -> None:
    known = known_files(tmp_path, "top.py", "pkg/a.py")
    (tmp_path / gone).rename(tmp_path / "elsewhere")
    assert not are_as_known(str(tmp_path), known)


@pytest.mark.parametrize("path", ["/absolute", "a\0b", "n" * 300])
def test_what_cannot_be_looked_up_is_not_as_known(tmp_path: Path, path: str) -> None:
    known = known_files(tmp_path, "a.py")
    assert not are_as_known(str(tmp_path), {**known, path: known["a.py"]})
    assert not are_as_known(str(tmp_path / "missing"), known)


def test_a_signature_that_was_too_young_is_never_as_known(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    young = read(str(tmp_path / "a.py"), now_ns=lambda: 0)
    assert not are_as_known(str(tmp_path), {"a.py": young})
