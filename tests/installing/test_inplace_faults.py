"""An error, and a kill, at every single call of an update; run as a script it is the child that is killed for real."""

import errno
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from uvwatch.core import placing, record
from uvwatch.core.model import Content, Distribution
from uvwatch.core.placing import patched, render
from uvwatch.core.record import Row
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.disk import Disk, RealDisk
from uvwatch.installing.inplace import commit, finish, installed_copy, place, prepared, replay
from uvwatch.project.environment import Environment
from uvwatch.project.installed import read_installed

INFO = "app-1.dist-info"
APP = Distribution(name="app", version="1", root="/src", editable=False, dist_info=INFO)
OLD = {
    "app/__init__.py": b"from app.value import VALUE\n",
    "app/value.py": b"VALUE = 1\n",
    "app/old/gone.py": b"GONE = 1\n",
    "app/a.css": b"a {}\n",
}
NEW = {
    "app/__init__.py": b"from app.value import VALUE\n",
    "app/value.py": b"from app.new.deep import VALUE\n",
    "app/new/deep.py": b"VALUE = 2\n",
    "app/a.css": b"a {}\n",
}
EXECUTABLE = "app/a.css"
"""Changed in its permissions alone."""
CALLS = [name for name in vars(Disk) if not name.startswith("_") and name not in ("close", "flushes_all")]


class Killed(BaseException):
    """What no code may catch."""


class Quick(RealDisk):
    """Without the waiting: no test here cuts the power."""

    def flush(self, descriptor: int) -> None:
        """Flushes nothing."""


class Faulty(Quick):
    """The file system that lets ``happen`` happen before its ``at``-th call, from 1, and counts them."""

    def __init__(self, at: int = 0, happen: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.calls = 0
        self._at = at
        self._happen = happen

    def __getattribute__(self, name: str) -> Any:
        if name in CALLS:
            self.calls += 1
            if self.calls == self._at:
                self._happen()
        return super().__getattribute__(name)


class Dead(Faulty):
    """Killed at a call: no later call does anything either."""

    def __getattribute__(self, name: str) -> Any:
        if name in CALLS and self.calls + 1 >= self._at:
            raise Killed
        return super().__getattribute__(name)


def fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


class Venv:
    """An environment with one distribution in it."""

    def __init__(self, top: Path) -> None:
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
        every = {**OLD, f"{INFO}/WHEEL": b"Tag: py3-none-any\n", f"{INFO}/INSTALLER": b"uv"}
        rows = {path: Row(record.digest(data), len(data)) for path, data in every.items()}
        every[f"{INFO}/RECORD"] = render({**rows, f"{INFO}/RECORD": Row("", None)}).encode()
        every |= {f"app/__pycache__/{name}.cpython-311.pyc": b"" for name in ("value", "__init__")}
        for path, data in every.items():
            (self.site / path).parent.mkdir(parents=True, exist_ok=True)
            (self.site / path).write_bytes(data)
        (self.prefix / "pyvenv.cfg").write_text("version_info = 3.11.7\n")
        ahead = time.time() + 60  # so that the new one's time always has to be set, and each update makes equal calls
        os.utime(self.site / "app/value.py", (ahead, ahead))

    def arguments(self) -> tuple[Any, ...]:
        installed = installed_copy(self.env, APP, read_installed(self.env, APP))
        contents = {path: Content(record.digest(data), path == EXECUTABLE) for path, data in NEW.items()}
        wanted = patched(installed, {**contents, "app/old/gone.py": None})
        return self.env, installed, wanted, NEW

    def update(self, disk: Disk) -> None:
        """The update without its lock."""
        env, installed, wanted, bytes_of = self.arguments()
        difference = placing.delta(installed, wanted)
        with ExitStack() as stack:
            commit(prepared(stack, disk, env, installed, wanted, difference, bytes_of))

    def files(self) -> dict[str, bytes]:
        every = (path for path in (self.site / "app").rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {path.relative_to(self.site).as_posix(): path.read_bytes() for path in every}

    def is_new(self) -> bool:
        """Whether RECORD says that all is done."""
        rows = record.parse((self.site / INFO / "RECORD").read_text(encoding="utf-8"))
        assert rows[f"{INFO}/RECORD"] == Row("", None)
        return "app/new/deep.py" in rows

    def check_whole(self) -> None:
        """Each file is old or new, none is missing that both have, and the package can be imported."""
        files = self.files()
        for path, data in files.items():
            assert data in (OLD.get(path), NEW.get(path)), path
        assert files.keys() >= OLD.keys() & NEW.keys()
        assert files["app/value.py"] == OLD["app/value.py"] or "app/new/deep.py" in files
        if self.is_new():
            self.check_done()

    def check_done(self) -> None:
        assert self.is_new()
        assert self.files() == NEW
        assert os.access(self.site / EXECUTABLE, os.X_OK)
        assert not (self.site / "app/old").exists()
        assert not (self.site / "app/__pycache__/value.cpython-311.pyc").exists()

    def staged(self) -> list[str]:
        return [path.name for path in (self.prefix / ".uvwatch").rglob("*") if path.is_file()]


def fresh(top: Path) -> Venv:
    shutil.rmtree(top / "venv", ignore_errors=True)
    return Venv(top)


@pytest.mark.anyio
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=errno.errorcode.get)
async def test_an_error_at_any_call_fails_the_cycle_and_the_next_one_mends_it(tmp_path: Path, number: int) -> None:
    counting = Faulty()
    await place(*fresh(tmp_path).arguments(), disk=counting)
    assert counting.calls > 50
    finished = []
    for at in range(1, counting.calls + 1):
        venv = fresh(tmp_path)
        with pytest.raises(CycleFailed, match=os.strerror(number)) as caught:
            await place(*venv.arguments(), disk=Faulty(at, partial(fail, number)))
        assert caught.value.kind is FailureKind.IO
        assert str(caught.value).startswith(str(venv.env.prefix))
        venv.check_whole()
        marked = "log" in venv.staged()
        assert marked or venv.staged() == []
        assert marked or venv.is_new() or venv.files() == OLD
        finished.append(await replay(venv.env))
        assert venv.staged() == []
        await place(*venv.arguments(), disk=Quick())
        venv.check_done()
    assert {*finished} == {True, False}


@pytest.mark.anyio
async def test_a_disk_that_stays_full_never_leaves_a_file_missing(tmp_path: Path) -> None:
    class Full(Quick):
        """Nothing can be written any more once ``calls`` writing calls were made."""

        def __init__(self, left: int) -> None:
            super().__init__()
            self.left = left

        def __getattribute__(self, name: str) -> Any:
            if name in ("create", "write", "make_directory", "flush"):
                self.left -= 1
                if self.left < 0:
                    fail(errno.ENOSPC)
            return super().__getattribute__(name)

    failed = 0
    for left in range(100):
        venv, disk = fresh(tmp_path), Full(left)
        try:
            await place(*venv.arguments(), disk=disk)
        except CycleFailed:
            failed += 1
        else:
            break
        venv.check_whole()
        with pytest.raises(CycleFailed, match="No space left"):
            await place(*venv.arguments(), disk=disk)
        venv.check_whole()
        await replay(venv.env)
        await place(*venv.arguments(), disk=Quick())
        venv.check_done()
    assert failed > 10


@pytest.mark.anyio
async def test_a_kill_at_any_call_is_carried_on_by_the_next_start(tmp_path: Path) -> None:
    counting = Faulty()
    await place(*fresh(tmp_path).arguments(), disk=counting)
    finished = []
    for at in range(1, counting.calls + 1):
        venv = fresh(tmp_path)
        with pytest.raises(Killed):
            await place(*venv.arguments(), disk=Dead(at))
        venv.check_whole()
        finished.append(await replay(venv.env))
        assert venv.staged() == []
        assert venv.is_new() or venv.files() == OLD
        await place(*venv.arguments(), disk=Quick())
        venv.check_done()
    assert {*finished} == {True, False}


def test_a_kill_at_any_call_of_the_replay_is_carried_on_as_well(tmp_path: Path) -> None:
    venv = fresh(tmp_path)
    with pytest.raises(Killed):
        venv.update(Dead(calls_until_the_mark(venv)))
    assert "log" in venv.staged()
    shutil.copytree(venv.prefix, tmp_path / "interrupted", symlinks=True)
    counting = Faulty()
    assert finish(counting, venv.env)
    for at in range(1, counting.calls + 1):
        shutil.rmtree(venv.prefix)
        shutil.copytree(tmp_path / "interrupted", venv.prefix, symlinks=True)
        with pytest.raises(Killed):
            finish(Dead(at), venv.env)
        venv.check_whole()
        finish(Quick(), venv.env)
        venv.check_done()
        assert venv.staged() == []


def calls_until_the_mark(venv: Venv) -> int:
    """The number of the first call after the log was written."""

    class Marks(Faulty):
        marked = 0

        def replace(self, name: str, at: int, to: str, to_at: int) -> None:
            super().replace(name, at, to, to_at)
            self.marked = self.marked or (self.calls + 1 if to == "log" else 0)

    disk = Marks()
    venv.update(disk)
    fresh(venv.prefix.parent)
    return disk.marked


def interrupted(tmp_path: Path) -> Venv:
    venv = fresh(tmp_path)
    with pytest.raises(Killed):
        venv.update(Dead(calls_until_the_mark(venv)))
    assert venv.files() == OLD
    return venv


@pytest.mark.anyio
async def test_what_was_interrupted_is_finished_once_whatever_else_lies_there(tmp_path: Path) -> None:
    venv = interrupted(tmp_path)
    (venv.prefix / ".uvwatch/redo/.DS_Store").write_text("a file manager's")
    assert [await replay(venv.env), await replay(venv.env)] == [True, False]
    venv.check_done()


@pytest.mark.anyio
async def test_an_update_finishes_what_was_interrupted_before_it_begins(tmp_path: Path) -> None:
    venv = interrupted(tmp_path)
    arguments = venv.arguments()
    with pytest.raises(CycleFailed, match="RECORD changed during the update"):
        await place(*arguments)
    venv.check_done()
    assert await place(*venv.arguments()) == placing.delta(*venv.arguments()[1:3])


@pytest.mark.anyio
async def test_what_was_never_marked_is_thrown_away_at_the_next_start(tmp_path: Path) -> None:
    venv = fresh(tmp_path)
    with pytest.raises(Killed):
        venv.update(Dead(calls_until_the_mark(venv) - 1))
    assert venv.staged() != []
    assert await replay(venv.env) is False
    assert not (venv.prefix / ".uvwatch").exists()
    assert venv.files() == OLD


def test_a_process_that_is_killed_at_any_call_leaves_what_the_next_one_finishes(tmp_path: Path) -> None:
    killed, calls, finished = map(int, run_child("kill", str(tmp_path)).split())
    assert killed == calls > 50
    assert 0 < finished < calls


def test_a_disk_that_is_really_full_leaves_the_old_files(tmp_path: Path) -> None:
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    allowed = shutil.which("unshare") and subprocess.run([*own_mounts, "true"], check=False).returncode == 0
    # Where nobody may mount, no file may be larger than what a small disk would have room for.
    assert run_child("full" if allowed else "limited", str(tmp_path), under=own_mounts if allowed else []) == "done"


def run_child(*arguments: str, under: Sequence[str] = ()) -> str:
    done = subprocess.run(
        [*under, sys.executable, __file__, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def kill_at_every_call(top: Path) -> str:
    """How many children were killed, at how many calls, and how many of them left something to finish."""
    sys.dont_write_bytecode = True
    counting = Faulty()
    fresh(top).update(counting)
    killed = finished = 0
    for at in range(1, counting.calls + 1):
        venv = fresh(top)
        ended = forked(partial(venv.update, Faulty(at, lambda: os.kill(os.getpid(), signal.SIGKILL))))
        killed += ended == -signal.SIGKILL
        venv.check_whole()
        assert forked(partial(import_from, venv.site)) == 0, at
        finished += finish(Quick(), venv.env)
        if not venv.is_new():
            venv.update(Quick())
        venv.check_done()
    return f"{killed} {counting.calls} {finished}"


def forked(task: Callable[[], None]) -> int:
    """The exit status of a child that does the task, or the negative number of the signal that ended it."""
    child = os.fork()
    if child == 0:
        task()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def import_from(site: Path) -> None:
    sys.path.insert(0, str(site))
    package = importlib.import_module("app")
    assert package.VALUE in (1, 2)
    assert package.__file__ == str(site / "app/__init__.py")


def fill_the_disk(top: Path, *, limited: bool) -> str:
    """Update on a disk without room for what is new, then on one with room."""
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    else:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(top)], check=True)
    venv = Venv(top)
    env, installed, wanted, bytes_of = venv.arguments()
    big = bytes(5 << 20)
    files = {**wanted.files, "app/big": Content(record.digest(big), executable=False)}
    too_much = partial(place, env, installed, replace(wanted, files=files), {**bytes_of, "app/big": big})
    with pytest.raises(
        CycleFailed,
        match=rf"/\.uvwatch/redo/app \(for app/big\): {os.strerror(errno.EFBIG if limited else errno.ENOSPC)}",
    ):
        anyio.run(too_much, backend="trio")
    assert (venv.files(), venv.staged()) == (OLD, [])
    anyio.run(partial(place, *venv.arguments()), backend="trio")
    venv.check_done()
    return "done"


if __name__ == "__main__":
    how, where = sys.argv[1], Path(sys.argv[2])
    print(kill_at_every_call(where) if how == "kill" else fill_the_disk(where, limited=how == "limited"))  # noqa: T201
