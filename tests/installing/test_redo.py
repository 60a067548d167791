import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from uvwatch.core import record
from uvwatch.core.placing import Kind
from uvwatch.installing import redo
from uvwatch.installing.disk import RealDisk
from uvwatch.installing.redo import Entry, Found, Log

INFO = "app-1.dist-info"
DISK = RealDisk()
BEFORE, AFTER = b"before\n", b"after\n"


class Area:
    """A library directory and a staging directory with one new, one changed and one removed file."""

    def __init__(self, top: Path) -> None:
        self.site, self.stage = top / "site", top / "stage"
        (self.site / INFO).mkdir(parents=True)
        self.stage.mkdir()
        for path, data in ((f"{INFO}/RECORD", BEFORE), ("a.py", b"A"), ("gone.py", b"G")):
            (self.site / path).write_bytes(data)
        for name, data in (("0", b"N"), ("1", b"AA"), ("3", AFTER)):
            (self.stage / name).write_bytes(data)
        self.log = Log(
            site="lib/site-packages",
            dist_info=INFO,
            before=record.digest(BEFORE),
            after=record.digest(AFTER),
            entries=(
                Entry(kind=Kind.ADD, path="new/\udce9.py", staged="0", digest=record.digest(b"N")),
                Entry(kind=Kind.CHANGE, path="a.py", staged="1", digest=record.digest(b"AA")),
                Entry(kind=Kind.REMOVE, path="gone.py"),
                Entry(kind=Kind.RECORD, path=f"{INFO}/RECORD", staged="3", digest=record.digest(AFTER)),
            ),
        )
        self.site_descriptor = DISK.open_top(str(self.site))
        self.stage_descriptor = DISK.open_top(str(self.stage))

    def examine(self) -> Found:
        return redo.examine(DISK, self.site_descriptor, self.stage_descriptor, self.log)

    def carry_out(self) -> None:
        redo.carry_out(DISK, self.site_descriptor, self.stage_descriptor, self.log)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.site).as_posix(): path.read_bytes() for path in self.site.rglob("*") if path.is_file()
        }


@pytest.fixture
def area(tmp_path: Path) -> Area:
    return Area(tmp_path)


def test_a_log_is_read_back_as_it_was_written(area: Area) -> None:
    assert not redo.is_marked(DISK, area.stage_descriptor)
    redo.mark(DISK, area.stage_descriptor, area.log)
    assert redo.is_marked(DISK, area.stage_descriptor)
    assert redo.read(DISK, area.stage_descriptor) == area.log


def test_there_is_no_log_where_none_was_written(area: Area) -> None:
    assert redo.read(DISK, area.stage_descriptor) is None


def escaping(log: Log) -> Log:
    return replace(log, entries=(replace(log.entries[0], path="../x"), *log.entries[1:]))


def elsewhere_staged(log: Log) -> Log:
    return replace(log, entries=(replace(log.entries[0], staged="../x"), *log.entries[1:]))


def without_record(log: Log) -> Log:
    return replace(log, entries=log.entries[:-1])


@pytest.mark.parametrize("spoil", [escaping, elsewhere_staged, without_record])
def test_a_log_that_names_what_it_must_not_touch_is_none(spoil: Callable[[Log], Log], area: Area) -> None:
    redo.mark(DISK, area.stage_descriptor, spoil(area.log))
    assert redo.read(DISK, area.stage_descriptor) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version":0}', '{"version":1}', "\udce9"])
def test_a_log_that_cannot_be_understood_is_none(text: str, area: Area) -> None:
    (area.stage / "log").write_bytes(os.fsencode(text))
    assert redo.read(DISK, area.stage_descriptor) is None


def test_record_tells_whether_a_log_is_due(area: Area) -> None:
    assert area.examine() is Found.DUE
    (area.site / INFO / "RECORD").write_bytes(AFTER)
    assert area.examine() is Found.DONE
    (area.site / INFO / "RECORD").write_bytes(b"somebody else's\n")
    assert area.examine() is Found.VOID
    (area.site / INFO / "RECORD").unlink()
    assert area.examine() is Found.VOID


def test_a_log_that_does_not_change_record_is_due_as_long_as_it_is_there(area: Area) -> None:
    area.log = replace(area.log, after=area.log.before)
    assert area.examine() is Found.DUE


def test_a_staged_file_that_is_not_what_the_log_says_makes_it_void(area: Area) -> None:
    (area.stage / "1").write_bytes(b"A")
    assert area.examine() is Found.VOID


def test_a_staged_file_that_is_gone_was_put_in_place(area: Area) -> None:
    (area.stage / "1").rename(area.site / "a.py")
    assert area.examine() is Found.DUE
    area.carry_out()
    done = {"new/\udce9.py": b"N", "a.py": b"AA", f"{INFO}/RECORD": AFTER}
    assert area.files() == done
    area.carry_out()
    assert area.files() == done


def test_a_library_directory_that_vanished_is_an_error_and_not_made_again(area: Area) -> None:
    for path in ("a.py", "gone.py", f"{INFO}/RECORD"):
        (area.site / path).unlink()
    (area.site / INFO).rmdir()
    area.site.rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        area.carry_out()
    assert caught.value.filename == "new/\udce9.py"
    assert not area.site.exists()


def test_a_directory_that_vanishes_before_a_rename_into_it_is_not_taken_for_done(area: Area) -> None:
    class Vanishing(RealDisk):
        def replace(self, name: str, at: int, to: str, to_at: int) -> None:
            (area.site / "new").rmdir()
            super().replace(name, at, to, to_at)

    with pytest.raises(FileNotFoundError):
        redo.carry_out(Vanishing(), area.site_descriptor, area.stage_descriptor, area.log)
    assert (area.stage / "0").read_bytes() == b"N"
    area.carry_out()
    assert area.files() == {"new/\udce9.py": b"N", "a.py": b"AA", f"{INFO}/RECORD": AFTER}


def test_what_is_thrown_away_is_gone(area: Area) -> None:
    redo.mark(DISK, area.stage_descriptor, area.log)
    redo.throw_away(DISK, area.stage_descriptor)
    assert list(area.stage.iterdir()) == []
