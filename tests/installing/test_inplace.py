import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import anyio
import pytest
from filelock import FileLock

from uvwatch.core import record
from uvwatch.core.model import Content, Delta, Distribution
from uvwatch.core.placing import Installed, Refusal, patched, render
from uvwatch.core.record import Row
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.disk import RealDisk
from uvwatch.installing.inplace import installed_copy, place, replay
from uvwatch.installing.sources import Source, of_file
from uvwatch.project.environment import Environment
from uvwatch.project.installed import read_installed

pytestmark = pytest.mark.anyio

INFO = "app-1.dist-info"
APP = Distribution(name="app", version="1", root="/src", editable=False, dist_info=INFO)
FILES = {
    "app/__init__.py": b"",
    "app/value.py": b"VALUE = 1\n",
    "app/old.py": b"OLD = 1\n",
    "app/static/css/a.css": b"a {}\n",
    "app/static/js/a.js": b"1\n",
}
WHEEL = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
INFOS = {"METADATA": b"Name: app\n", "WHEEL": WHEEL.encode(), "INSTALLER": b"uv", "direct_url.json": b"{}"}


class Venv:
    """An environment with one distribution in it, as uv would have installed it."""

    def __init__(self, top: Path, files: Mapping[str, bytes] = FILES) -> None:
        self.prefix = top / "venv"
        self.site = self.prefix / "lib" / "python3.11" / "site-packages"
        self.env = Environment(
            prefix=self.prefix,
            purelib=self.site,
            platlib=self.site,
            python=self.prefix / "bin" / "python",
            has_pyvenv_cfg=True,
            python_version="3.11.7",
        )
        every = {**files, **{f"{INFO}/{name}": data for name, data in INFOS.items()}}
        for path, data in every.items():
            self.write(path, data)
        (self.prefix / "pyvenv.cfg").write_text("version_info = 3.11.7\n")
        rows = {path: Row(record.digest(data), len(data)) for path, data in every.items()}
        self.write(f"{INFO}/RECORD", render({**rows, f"{INFO}/RECORD": Row("", None)}).encode())

    def write(self, path: str, data: bytes) -> Path:
        where = self.site / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)
        return where

    def installed(self) -> Installed:
        return installed_copy(self.env, APP, read_installed(self.env, APP))

    def files(self) -> dict[str, bytes]:
        """All of site-packages but RECORD."""
        every = (path for path in self.site.rglob("*") if path.is_file() and path.name != "RECORD")
        return {path.relative_to(self.site).as_posix(): path.read_bytes() for path in every}

    def everything(self) -> dict[str, tuple[int, int, int, bytes | str]]:
        """Inode, permissions, time and bytes of all that is in the environment, but for its lock."""
        found = {}
        for path in self.prefix.rglob("*"):
            status = path.lstat()
            data = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            found[str(path)] = (status.st_ino, status.st_mode, 0 if path.is_dir() else status.st_mtime_ns, data)
        return {path: each for path, each in found.items() if path != str(self.prefix / ".lock")}

    def rows(self) -> Mapping[str, Row]:
        return record.parse((self.site / INFO / "RECORD").read_text(encoding="utf-8"))

    async def patch(
        self, changes: Mapping[str, bytes | None], *, executable: tuple[str, ...] = (), **sources: Source
    ) -> Delta | Refusal:
        """Put changes in place; ``sources`` are what the files are really read from, by their last name."""
        contents = {
            path: None if data is None else Content(record.digest(data), path in executable)
            for path, data in changes.items()
        }
        bytes_of: dict[str, Source] = {
            path: sources.get(Path(path).stem, data) for path, data in changes.items() if data is not None
        }
        installed = self.installed()
        return await place(self.env, installed, patched(installed, contents), bytes_of, patience=0.05)


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    return Venv(tmp_path)


async def test_what_differs_is_put_in_place_and_nothing_else_is_touched(venv: Venv) -> None:
    before = venv.everything()
    changes = {
        "app/value.py": b"VALUE = 2\n",
        "app/static/css/a.css": b"a { }\n",
        "app/static/css/b.css": b"b {}\n",
        "app/fonts/deep/f.woff": b"\x00",
        "app/old.py": None,
    }
    assert await venv.patch(changes) == Delta(
        added=("app/fonts/deep/f.woff", "app/static/css/b.css"),
        changed=("app/static/css/a.css", "app/value.py"),
        removed=("app/old.py",),
    )
    expected = {**FILES, **changes, **{f"{INFO}/{name}": data for name, data in INFOS.items()}}
    assert venv.files() == {path: data for path, data in expected.items() if data is not None}
    after = venv.everything()
    untouched = [f"{venv.site}/{path}" for path in expected if path not in changes]
    assert [after[path] for path in untouched] == [before[path] for path in untouched]


async def test_record_says_what_is_installed_and_is_the_same_for_what_stayed(venv: Venv) -> None:
    before = venv.rows()
    await venv.patch({"app/value.py": b"VALUE = 22\n", "app/new.py": b"", "app/old.py": None})
    changed = {"app/value.py": Row(record.digest(b"VALUE = 22\n"), 11), "app/new.py": Row(record.digest(b""), 0)}
    assert venv.rows() == {path: row for path, row in before.items() if path != "app/old.py"} | changed
    assert list(venv.rows()) == sorted(venv.rows())


async def test_nothing_is_left_of_what_was_staged(venv: Venv) -> None:
    await venv.patch({"app/value.py": b"VALUE = 2\n"})
    assert [path for path in (venv.prefix / ".uvwatch").rglob("*") if path.is_file()] == []


async def test_the_same_again_touches_nothing(venv: Venv) -> None:
    before = venv.everything()
    assert await venv.patch(FILES) == Delta()
    assert venv.everything() == before


async def test_an_installed_file_is_replaced_and_never_written_into(venv: Venv, tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    cached.hardlink_to(venv.site / "app/value.py")
    (tmp_path / "record").hardlink_to(venv.site / INFO / "RECORD")
    before = (tmp_path / "record").read_bytes()
    await venv.patch({"app/value.py": b"VALUE = 2\n"})
    assert (cached.read_bytes(), (tmp_path / "record").read_bytes()) == (b"VALUE = 1\n", before)


@pytest.mark.parametrize(("umask", "plain", "executable"), [(0o022, 0o644, 0o755), (0o027, 0o640, 0o751)])
async def test_the_executable_bit_alone_is_kept(venv: Venv, umask: int, plain: int, executable: int) -> None:
    previous = os.umask(umask)
    try:
        await venv.patch({"app/run.sh": b"x", "app/value.py": b"VALUE = 2\n"}, executable=("app/run.sh",))
    finally:
        os.umask(previous)
    modes = [stat.S_IMODE((venv.site / path).stat().st_mode) for path in ("app/run.sh", "app/value.py")]
    assert modes == [executable, plain]
    assert await venv.patch({"app/run.sh": b"x"}) == Delta(changed=("app/run.sh",))
    assert not os.access(venv.site / "app/run.sh", os.X_OK)


@pytest.mark.parametrize("ahead", [0, 5, -5])
async def test_a_replaced_module_is_of_a_later_second_whatever_the_clock_says(venv: Venv, ahead: int) -> None:
    module = venv.site / "app/value.py"
    old = module.stat().st_mtime_ns + ahead * 1_000_000_000
    os.utime(module, ns=(old, old))
    await venv.patch({"app/value.py": b"VALUE = 2\n"})
    new = module.stat().st_mtime_ns
    assert new // 1_000_000_000 > old // 1_000_000_000
    assert ahead > 0 or new < old + 7_000_000_000


async def test_bytecode_of_what_changed_goes_and_other_bytecode_stays(venv: Venv) -> None:
    names = ["value.cpython-311.pyc", "value.cpython-311.opt-2.pyc", "value.pypy310.pyc", "old.cpython-311.pyc"]
    others = ["value2.cpython-311.pyc", "__init__.cpython-311.pyc", "value.cpython-311.txt"]
    for name in (*names, *others):
        venv.write(f"app/__pycache__/{name}", b"")
    await venv.patch({"app/value.py": b"VALUE = 2\n", "app/old.py": None})
    assert sorted(path.name for path in (venv.site / "app/__pycache__").iterdir()) == sorted(others)


async def test_directories_that_are_emptied_go_and_site_packages_stays(tmp_path: Path) -> None:
    venv = Venv(tmp_path, {"app/x/y/a.py": b"", "app/x/b.txt": b"", "top.py": b"", "kept/a.py": b""})
    venv.write("app/x/y/__pycache__/a.cpython-311.pyc", b"")
    venv.write("app/x/__pycache__/gone.cpython-311.pyc", b"")
    venv.write("__pycache__/top.cpython-311.pyc", b"")
    venv.write("kept/foreign.txt", b"")
    gone = {"app/x/y/a.py": None, "app/x/b.txt": None, "top.py": None, "kept/a.py": None}
    assert isinstance(await venv.patch(gone), Delta)
    assert sorted(path.name for path in venv.site.iterdir()) == [INFO, "kept"]
    assert (venv.site / "kept/foreign.txt").exists()


async def test_a_file_that_was_lost_and_a_row_that_lies_are_mended(venv: Venv) -> None:
    (venv.site / "app/old.py").unlink()
    venv.write("app/value.py", b"VALUE = 3\n")
    assert await venv.patch({"app/value.py": b"VALUE = 3\n", "app/old.py": b"OLD = 1\n"}) == Delta(
        added=("app/old.py",), changed=("app/value.py",)
    )
    assert venv.rows()["app/value.py"] == Row(record.digest(b"VALUE = 3\n"), 10)


async def test_a_symbolic_link_in_place_of_a_file_is_replaced_and_not_followed(venv: Venv, tmp_path: Path) -> None:
    (tmp_path / "cached.py").write_bytes(b"VALUE = 1\n")
    (venv.site / "app/value.py").unlink()
    (venv.site / "app/value.py").symlink_to(tmp_path / "cached.py")
    assert isinstance(await venv.patch({"app/value.py": b"VALUE = 2\n"}), Delta)
    assert (tmp_path / "cached.py").read_bytes() == b"VALUE = 1\n"
    assert not (venv.site / "app/value.py").is_symlink()


def link_away(venv: Venv) -> None:
    (venv.site / "app/static").rename(venv.prefix.parent / "static")
    (venv.site / "app/static").symlink_to(venv.prefix.parent / "static")


def link_site(venv: Venv) -> None:
    venv.site.rename(venv.prefix.parent / "site")
    venv.site.symlink_to(venv.prefix.parent / "site")


def link_state(venv: Venv) -> None:
    (venv.prefix.parent / "state").mkdir()
    (venv.prefix / ".uvwatch").symlink_to(venv.prefix.parent / "state")


def directory_in_place(venv: Venv) -> None:
    (venv.site / "app/new.py").mkdir()


def file_in_place(venv: Venv) -> None:
    venv.write("app/static/css/deep", b"foreign")


def foreign(venv: Venv) -> None:
    venv.write("app/new.py", b"foreign")


def foreign_link(venv: Venv) -> None:
    (venv.site / "app/new.py").symlink_to("value.py")


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (link_away, "app/static/css is not a directory, or behind a symbolic link"),
        (link_site, "site-packages lies behind a symbolic link"),
        (link_state, ".uvwatch is not a directory"),
        (directory_in_place, "app/new.py is a directory"),
        (file_in_place, "app/static/css/deep is not a directory, or behind a symbolic link"),
        (foreign, "app/new.py is there already, and RECORD does not name it"),
        (foreign_link, "app/new.py is there already, and RECORD does not name it"),
    ],
)
async def test_what_is_in_the_way_is_a_reason_to_have_uv_install(
    venv: Venv, arrange: Callable[[Venv], None], reason: str
) -> None:
    arrange(venv)
    before = venv.everything()
    changes = {"app/new.py": b"NEW = 1\n", "app/static/css/a.css": b"a\n", "app/static/css/deep/x": b""}
    refused = await venv.patch(changes)
    assert isinstance(refused, Refusal)
    assert refused.reason.endswith(reason)
    assert venv.everything() == before


async def test_a_foreign_file_that_is_what_is_wanted_is_taken_over(venv: Venv) -> None:
    venv.write("app/new.py", b"NEW = 1\n")
    assert await venv.patch({"app/new.py": b"NEW = 1\n"}) == Delta(added=("app/new.py",))


async def test_bytes_that_nobody_has_are_a_reason_to_have_uv_install(venv: Venv) -> None:
    (venv.site / "app/old.py").unlink()
    refused = await venv.patch({"app/value.py": b"VALUE = 2\n"})
    assert refused == Refusal(reason="the bytes of app/old.py are not at hand")


class Mounted(RealDisk):
    """A file system in which ``app`` or, with ``site``, the library directory is another mount of the same device."""

    def __init__(self, venv: Venv, *, site: bool) -> None:
        super().__init__()
        self._top = venv.site if site else venv.site / "app"

    def replace(self, name: str, at: int, to: str, to_at: int) -> None:
        inside = {path.stat().st_ino for path in (self._top, *self._top.rglob("*")) if path.is_dir()}
        if (os.fstat(at).st_ino in inside) is not (os.fstat(to_at).st_ino in inside):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        super().replace(name, at, to, to_at)


@pytest.mark.parametrize("site", [True, False])
async def test_another_mount_is_staged_in_or_refused_before_anything_is_touched(venv: Venv, *, site: bool) -> None:
    before, installed = venv.everything(), venv.installed()
    wanted = patched(installed, {"app/value.py": Content(record.digest(b"VALUE = 2\n"), executable=False)})
    disk = Mounted(venv, site=site)
    result = await place(venv.env, installed, wanted, {"app/value.py": b"VALUE = 2\n"}, disk=disk)
    if site:
        assert result == Delta(changed=("app/value.py",))
        assert (venv.site / "app/value.py").read_bytes() == b"VALUE = 2\n"
        assert venv.files().keys() == {*FILES, *(f"{INFO}/{name}" for name in INFOS)}
    else:
        assert result == Refusal(reason="app lies in another file system")
        assert venv.everything() == before


def changed_source() -> IO[bytes]:
    return io.BytesIO(b"VALUE = 3\n")


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (changed_source, FailureKind.IO, "app/value.py is not what it was just now"),
        (of_file("/nonexistent/value.py"), FailureKind.IO, "/nonexistent/value.py: No such file or directory"),
    ],
)
async def test_a_source_that_fails_fails_the_cycle_and_nothing_is_touched(
    venv: Venv, source: Source, kind: FailureKind, message: str
) -> None:
    before = venv.everything()
    with pytest.raises(CycleFailed, match=message) as caught:
        await venv.patch({"app/new.py": b"NEW = 1\n", "app/value.py": b"VALUE = 2\n"}, value=source)
    assert caught.value.kind is kind
    assert venv.everything() == before


@pytest.mark.parametrize("cleared", [True, False], ids=["cleared", "removed"])
async def test_an_environment_that_vanishes_fails_the_cycle_and_gets_nothing_in_its_place(
    venv: Venv, *, cleared: bool
) -> None:
    def vanish() -> IO[bytes]:
        for each in [*venv.prefix.iterdir()]:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        if not cleared:
            venv.prefix.rmdir()
        return io.BytesIO(b"VALUE = 2\n")

    with pytest.raises(CycleFailed) as caught:
        await venv.patch({"app/new/new.py": b"NEW = 1\n", "app/value.py": b"VALUE = 2\n"}, value=vanish)
    assert caught.value.kind is FailureKind.ENVIRONMENT
    assert [*venv.prefix.parent.iterdir()] == ([venv.prefix] if cleared else [])
    assert not cleared or [*venv.prefix.iterdir()] == []


async def test_an_environment_that_is_not_there_fails_the_cycle_and_has_nothing_to_finish(venv: Venv) -> None:
    installed = venv.installed()
    wanted = patched(installed, {"app/old.py": None})
    shutil.rmtree(venv.prefix)
    with pytest.raises(CycleFailed, match="vanished during the update"):
        await place(venv.env, installed, wanted, {})
    assert await replay(venv.env) is False
    assert not venv.prefix.exists()


async def test_another_installer_that_comes_between_fails_the_cycle(venv: Venv) -> None:
    def install() -> IO[bytes]:
        venv.write(f"{INFO}/RECORD", f"{INFO}/RECORD,,\napp/value.py,,\n".encode())
        return io.BytesIO(b"VALUE = 2\n")

    with pytest.raises(CycleFailed, match="another program installs here too") as caught:
        await venv.patch({"app/value.py": b"VALUE = 2\n"}, value=install)
    assert caught.value.kind is FailureKind.ENVIRONMENT
    assert (venv.site / "app/value.py").read_bytes() == b"VALUE = 1\n"
    installed = venv.installed()
    venv.write(f"{INFO}/RECORD", b"no, record")
    with pytest.raises(CycleFailed, match="another program installs here too"):
        await place(venv.env, installed, patched(installed, {"app/value.py": None}), {})


async def test_a_lock_that_stays_taken_fails_the_cycle_and_nothing_is_touched(venv: Venv) -> None:
    before = venv.everything()
    with (
        FileLock(venv.prefix / ".lock"),
        pytest.raises(CycleFailed, match=r"another program has held .*\.lock") as caught,
    ):
        await venv.patch({"app/value.py": b"VALUE = 2\n"})
    assert caught.value.kind is FailureKind.ENVIRONMENT
    assert venv.everything() == before


async def test_an_update_that_is_cancelled_while_it_waits_leaves_nothing(venv: Venv) -> None:
    before, installed = venv.everything(), venv.installed()

    class Cancels(RealDisk):
        def flush(self, descriptor: int) -> None:
            super().flush(descriptor)
            anyio.from_thread.run_sync(scope.cancel)

    with FileLock(venv.prefix / ".lock", thread_local=False), anyio.CancelScope() as scope:
        await place(venv.env, installed, patched(installed, {"app/old.py": None}), {}, disk=Cancels())
    assert scope.cancelled_caught
    assert venv.everything() == before
