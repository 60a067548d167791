import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from uvwatch.installing.disk import SUPPORTED, RealDisk

DISK = RealDisk()


@pytest.fixture
def at(tmp_path: Path) -> Iterator[int]:
    descriptor = DISK.open_top(str(tmp_path))
    yield descriptor
    DISK.close(descriptor)


def test_this_system_opens_files_relative_to_a_directory() -> None:
    assert SUPPORTED


def test_a_symbolic_link_is_neither_read_nor_entered_nor_written_through(tmp_path: Path, at: int) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "directory").mkdir()
    (tmp_path / "to-file").symlink_to("file")
    (tmp_path / "to-directory").symlink_to("directory")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(OSError, match="symbolic links"):
        DISK.open_file("to-file", at)
    with pytest.raises(NotADirectoryError):
        DISK.open_directory("to-directory", at)
    for name in ("to-file", "dangling", "file"):
        with pytest.raises(FileExistsError):
            DISK.create(name, at)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_only_regular_files_are_read_and_nothing_is_waited_for(kind: str, tmp_path: Path, at: int) -> None:
    os.mkfifo(tmp_path / "x") if kind == "fifo" else (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        DISK.open_file("x", at)


def test_all_is_flushed_by_one_call_where_there_is_one(at: int) -> None:
    if DISK.flushes_all:
        DISK.flush_all(at)
        with pytest.raises(OSError, match="Bad file descriptor"):
            DISK.flush_all(-1)
    else:
        assert not hasattr(os, "O_TMPFILE")  # Linux has it


def test_names_are_sorted_and_a_directory_says_whether_it_takes_more(tmp_path: Path, at: int) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).touch()
    assert DISK.names(at) == ["a", "b", "c"]
    assert DISK.is_writable(at)
